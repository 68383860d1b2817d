// Starts GraphiQL on this server. The key stays in this tab: it is gone when the tab is closed.
"use strict";

(function () {
  const STORED = "scanledger.key";
  const field = document.getElementById("key");
  const state = document.getElementById("key-state");
  let key = sessionStorage.getItem(STORED) || "";

  function bearer() {
    return { Authorization: "Bearer " + key };
  }

  function start() {
    if (!key) {
      state.textContent = "none yet: nothing can be asked without one";
      return;
    }
    state.textContent = "in use: " + key.slice(0, 10) + "…";
    const socket = location.origin.replace(/^http/, "ws") + "/graphql";
    const fetcher = GraphiQL.createFetcher({
      url: "/graphql",
      fetch: function (url, options) {
        return fetch(url, Object.assign({}, options, { headers: Object.assign({}, options.headers, bearer()) }));
      },
      subscriptionUrl: socket,
      wsConnectionParams: bearer(),
    });
    const explorer = React.createElement(GraphiQL, {
      // Another key is another reader: a new explorer asks for the schema anew.
      key: key,
      fetcher: fetcher,
      defaultQuery: "{\n  head\n  projects(first: 10) {\n    totalCount\n    nodes { id name counts { total } }\n  }\n}\n",
    });
    root.render(explorer);
  }

  document.getElementById("key-form").addEventListener("submit", function (event) {
    event.preventDefault();
    if (field.value.trim()) {
      key = field.value.trim();
      sessionStorage.setItem(STORED, key);
      field.value = "";
    }
    start();
  });

  const root = ReactDOM.createRoot(document.getElementById("explorer"));
  start();
})();
