class PrefixMiddleware:
    """Nexus strips the prefix and says which it was, so that url_for() can put it back."""

    def __init__(self, app):
        self.app = app

    def __call__(self, environ, start_response):
        environ["SCRIPT_NAME"] = environ.get("HTTP_X_FORWARDED_PREFIX", "")
        return self.app(environ, start_response)
