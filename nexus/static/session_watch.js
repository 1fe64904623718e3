// Says at the top of an open page that its session has ended, before somebody finds out by something
// that fails. Nexus puts this script into the pages that it composes (composition.ts) and answers
// what it asks (session_state.ts).
//
// It asks instead of being told: a connection for each tab would use up the six that a browser has
// for one origin (HTTP/1.1). So it asks when somebody comes back to the page, when the session's time
// is over, and every 30 s while the page is seen; and tabs tell one another what they have noticed.
(() => {
  const { person: owner, endsIn } = document.currentScript?.dataset ?? {};
  // A frame belongs to the page around it, which has a bar of its own.
  if (owner === undefined || window !== window.top) return;

  const nobody = "";
  const everyMs = 30_000;
  /** What is over at the second is over for the server too, clocks that tick unevenly included. */
  const marginMs = 1000;

  /** Who is signed in in this browser, as far as this page knows: a person's mark, or nobody. */
  let known = owner;
  let endsAtMs = Date.now() + Number(endsIn) * 1000;
  let isAsking = false;
  let isDueAgain = false;
  /** What another tab has said last, which need not be said to it again. */
  let heard;
  let timer;
  let bar;

  const channel =
    typeof BroadcastChannel === "function" ? new BroadcastChannel("hivematrix-session") : undefined;
  const tell = (message) => channel?.postMessage(message);

  /** @returns whether a session lives, and whose; `undefined` when nobody can say */
  async function ask() {
    try {
      // In full, because of pages with <base>. A redirect is somebody else's answer.
      const response = await fetch(`${location.origin}/api/session`, {
        cache: "no-store",
        redirect: "error",
        signal: AbortSignal.timeout(10_000),
      });
      const state = response.ok ? await response.json() : undefined;
      return typeof state?.active === "boolean" ? state : undefined;
    } catch {
      // No network, no Nexus, or the page is being left: a check that cannot be made is no end.
      return undefined;
    }
  }

  async function check() {
    if (isAsking) return;
    isAsking = true;
    do {
      isDueAgain = false;
      const state = await ask();
      if (state !== undefined) learn(state);
    } while (isDueAgain);
    isAsking = false;
    schedule();
  }

  function learn({ active, person, name, ends_in_seconds: endsInSeconds }) {
    const now = active ? person : nobody;
    if (active) endsAtMs = Date.now() + endsInSeconds * 1000;
    if (now === known) return;
    known = now;
    if (now !== heard) tell(now);
    show(name);
  }

  function schedule() {
    clearTimeout(timer);
    // What is over stays over until somebody signs in, and then another tab says so.
    if (known === nobody) return;
    const leftMs = endsAtMs + marginMs - Date.now();
    const isSeen = document.visibilityState === "visible";
    const waitMs = leftMs > 0 && (leftMs < everyMs || !isSeen) ? leftMs : everyMs;
    // A browser's timer that waits longer than this does not wait at all.
    timer = setTimeout(check, Math.min(waitMs, 2 ** 31 - 1));
  }

  function show(name) {
    bar?.remove();
    bar = undefined;
    if (known !== owner && document.body?.localName === "body") {
      bar = known === nobody ? endedBar() : otherPersonBar(name);
      // First, so that the keyboard comes to it first.
      document.body.prepend(bar);
    }
    makeRoom();
  }

  function endedBar() {
    return createBar("Your session has ended.", "Sign in again", () => {
      return `/login?next=${encodeURIComponent(location.pathname + location.search)}`;
    });
  }

  /** What the page shows, and what it would send, is not this person's. */
  function otherPersonBar(name) {
    const text = `${name || "Somebody else"} is signed in now. This page was opened by somebody else.`;
    return createBar(text, "Reload this page", () => location.pathname + location.search);
  }

  function createBar(text, label, path) {
    const element = document.createElement("div");
    element.className = "session-bar";
    element.setAttribute("role", "alert");
    const sentence = document.createElement("p");
    sentence.className = "session-bar__text";
    sentence.textContent = text;
    const link = document.createElement("a");
    link.className = "session-bar__link";
    link.textContent = label;
    // Pages change their address without being loaded anew.
    const point = () => link.setAttribute("href", location.origin + path());
    point();
    link.addEventListener("click", point);
    element.append(sentence, link);
    return element;
  }

  /** The bar is as high as its text needs, and the page begins below it. */
  function makeRoom() {
    const { style } = document.documentElement;
    if (bar) style.setProperty("--session-bar-height", `${bar.offsetHeight}px`);
    else style.removeProperty("--session-bar-height");
  }

  if (channel !== undefined) {
    channel.onmessage = ({ data }) => {
      if (data === known) return;
      // Asked, not believed: any script of this origin can say things here. An answer that is on its
      // way may be older than what was said.
      heard = data;
      if (isAsking) isDueAgain = true;
      else check();
    };
    // A tab that says "ended" looks again when somebody is signed in once more.
    tell(owner);
  }
  document.addEventListener("visibilitychange", () => {
    if (document.visibilityState === "visible") check();
    else schedule();
  });
  window.addEventListener("focus", check);
  window.addEventListener("online", check);
  // A page that comes back as it was left has heard of nothing meanwhile.
  window.addEventListener("pageshow", ({ persisted }) => persisted && check());
  window.addEventListener("resize", () => bar && makeRoom());
  schedule();
})();
