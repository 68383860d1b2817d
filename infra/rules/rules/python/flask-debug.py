import os

from flask import Flask

app = Flask(__name__)
# ruleid: python.debug.flask-debug
app.config["DEBUG"] = True
# ok: python.debug.flask-debug
app.config["TESTING"] = True
# ok: python.debug.flask-debug
app.debug = False

if __name__ == "__main__":
    # ruleid: python.debug.flask-debug
    app.run(host="0.0.0.0", debug=True)
    # ok: python.debug.flask-debug
    app.run()
    # ok: python.debug.flask-debug
    app.run(debug=os.environ.get("APP_DEBUG") == "1")
