import os

from flask import Flask

app = Flask(__name__)
# ruleid: python.secrets.framework-secret-key
app.secret_key = "seven green bottles"
# ruleid: python.secrets.framework-secret-key
app.config["SECRET_KEY"] = "seven green bottles"
# ruleid: python.secrets.framework-secret-key
app.config.from_mapping(DATABASE="app.db", SECRET_KEY="seven green bottles")
# ruleid: python.secrets.framework-secret-key
SECRET_KEY = "seven green bottles"
INSTALLED_APPS = ["django.contrib.sessions"]

# ok: python.secrets.framework-secret-key
app.secret_key = os.environ["SECRET_KEY"]
# ok: python.secrets.framework-secret-key
app.config["SECRET_KEY"] = os.environ["SECRET_KEY"]
# ok: python.secrets.framework-secret-key
app.config["DATABASE"] = "app.db"
