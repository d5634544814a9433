// On the page that says that this browser is signed out: nothing that was written here stays, for whoever sits there next.
// Browsers heed the header that tells them the same (`Clear-Site-Data`) only over https and on this machine.
try {
  // Other tabs hear of it, also where nothing was kept.
  localStorage.setItem("left", "");
  localStorage.clear();
  sessionStorage.clear();
} catch {
  // Storage may be forbidden; then nothing is there.
}
