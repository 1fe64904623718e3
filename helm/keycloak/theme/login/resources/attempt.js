// Several tabs that sign in at the same time, and double clicks. Without this script the password is asked
// for once more.
{
  const { attempt, next } = document.currentScript.dataset;

  const readCookie = (name) => {
    const found = document.cookie.split("; ").find((cookie) => cookie.startsWith(`${name}=`));
    // Keycloak puts quotes around some values.
    return found?.slice(name.length + 1).replace(/^"(.*)"$/, "$1");
  };

  // Tabs that were opened at once began an attempt each, and the browser keeps the cookie of one:
  // forms of the others would be refused. Loaded anew, their pages belong to that one.
  const joinAttempt = () => {
    const kept = readCookie("KC_AUTH_SESSION_HASH");
    if (kept !== undefined && kept !== attempt) location.reload();
  };
  joinAttempt();
  // The others' answers may still be on their way.
  setTimeout(joinAttempt, 1000);

  // Whoever has signed in in another tab meanwhile need not do it again here.
  const wasSignedIn = readCookie("KEYCLOAK_SESSION") !== undefined;
  const goOn = () => {
    const isSignedIn = readCookie("KEYCLOAK_SESSION") !== undefined;
    if (isSignedIn && !wasSignedIn && !document.hidden) location.replace(next);
  };
  document.addEventListener("visibilitychange", goOn);
  addEventListener("focus", goOn);

  // Keycloak refuses a second password of the same person while it looks at the first, and the answer
  // to a double click would be that one.
  let isSent = false;
  addEventListener("submit", (event) => {
    if (isSent) event.preventDefault();
    isSent = true;
  });
  addEventListener("pageshow", () => {
    isSent = false;
  });
}
