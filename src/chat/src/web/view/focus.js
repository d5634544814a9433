// The keyboard's place. What has the focus may go, or be switched off while something is done: then it is beside that, or
// in the field, and never lost.

/** Remembers what has the focus. What it gives brings the focus back, unless whoever had it went on meanwhile. */
export function holdFocus() {
  const at = document.activeElement;
  const near = at?.closest(".card, .menu");
  const seen = (one) => one?.isConnected && (one.checkVisibility?.() ?? one.offsetParent !== null);
  return () => {
    const now = document.activeElement;
    if (!at || at === document.body || (now !== at && now !== document.body)) return;
    if (now === at && seen(at)) return;
    const places = [at, near?.querySelector("summary, button"), document.getElementById("text"), document.getElementById("main")];
    places.find(seen)?.focus();
  };
}

/** Changes what is in `place`. */
export function holding(place, change) {
  if (!place?.contains(document.activeElement)) return void change();
  const back = holdFocus();
  change();
  back();
}
