import configparser
import json
import os

from flask import Flask

from app.middleware import PrefixMiddleware

app = Flask(__name__, root_path=os.path.dirname(__file__))

# From .flaskenv, which Helm writes and starts this process with.
app.config["CORE_SERVICE_URL"] = os.environ["CORE_SERVICE_URL"]
app.config["SERVICE_NAME"] = os.environ["SERVICE_NAME"]
app.config["SERVICE_SECRET"] = os.environ["SERVICE_SECRET"]

# From instance/<name>.conf, which Helm writes.
config = configparser.RawConfigParser()
config.read(os.path.join("instance", f'{app.config["SERVICE_NAME"]}.conf'))
app.config["DATABASE"] = config.get("database", "connection_string")

with open("services.json") as file:
    app.config["SERVICES"] = json.load(file)

app.wsgi_app = PrefixMiddleware(app.wsgi_app)

from app import routes  # noqa: E402,F401
