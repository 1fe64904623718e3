import os

from app import app

if __name__ == "__main__":
    app.run(debug=False, port=int(os.environ["PORT"]), host="127.0.0.1")
