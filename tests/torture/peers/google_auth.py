"""Sign in with google-auth-oauthlib at the pretend provider of callback-torture."""

import os

from google_auth_oauthlib.flow import InstalledAppFlow

# The pretend provider speaks plain HTTP, and grants no scopes.
os.environ["OAUTHLIB_INSECURE_TRANSPORT"] = "1"
os.environ["OAUTHLIB_RELAX_TOKEN_SCOPE"] = "1"

issuer = os.environ["CALLBACK_TORTURE_ISSUER"]
client = {
    "client_id": "peer",
    "client_secret": "not a secret",
    "auth_uri": f"{issuer}/authorize",
    "token_uri": f"{issuer}/token",
}
flow = InstalledAppFlow.from_client_config({"installed": client}, scopes=["openid"])
flow.run_local_server(port=0)
