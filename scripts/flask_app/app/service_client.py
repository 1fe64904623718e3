import base64
import json
from urllib.request import Request, urlopen

from flask import current_app


def call_service(target, path):
    """Calls another service with a token that Core has minted for it."""
    config = current_app.config
    name, secret = config["SERVICE_NAME"], config["SERVICE_SECRET"]
    credential = base64.b64encode(f"{name}:{secret}".encode()).decode()
    body = json.dumps({"calling_service": name, "target_service": target}).encode()
    asked = Request(
        f'{config["CORE_SERVICE_URL"]}/service-token',
        body,
        {"Authorization": f"Basic {credential}", "Content-Type": "application/json"},
    )
    with urlopen(asked) as answer:
        token = json.load(answer)["token"]
    url = config["SERVICES"][target]["url"] + path
    with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"})) as answer:
        return json.load(answer)
