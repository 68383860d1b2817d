const box: HTMLElement = document.getElementById("box")!;

function greet(): void {
  const name = new URLSearchParams(window.location.search).get("name");
  // ruleid: javascript.injection.dom-xss
  box.innerHTML = `<b>Hello ${name}</b>`;
}

function anchor(): void {
  // ruleid: javascript.injection.dom-xss
  document.write(decodeURIComponent(location.hash.slice(1)));
}

window.addEventListener("message", (event: MessageEvent) => {
  // ruleid: javascript.injection.dom-xss
  box.insertAdjacentHTML("beforeend", event.data);
});

function greetAsText(): void {
  const name = new URLSearchParams(window.location.search).get("name");
  // ok: javascript.injection.dom-xss
  box.textContent = `Hello ${name}`;
}

function greetCleaned(): void {
  // ok: javascript.injection.dom-xss
  box.innerHTML = DOMPurify.sanitize(location.hash.slice(1));
}
