from flask import g, jsonify, render_template

from app import app

from .auth import token_required
from .service_client import call_service


@app.route("/")
@token_required
def index():
    # Prevent service calls from accessing UI routes
    if g.is_service_call:
        return {"error": "This endpoint is for users only"}, 403
    return render_template("index.html", user=g.user)


@app.route("/api/data")
@token_required
def api_data():
    if g.is_service_call:
        return jsonify({"caller": g.service})
    return jsonify({"caller": g.user["preferred_username"]})


@app.route("/api/notes")
@token_required
def notes():
    return jsonify({"template": call_service("template", "/api/data")})
