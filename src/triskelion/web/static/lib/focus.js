/** For `ref`: what appears because one asked for it has the keyboard at once. */
export function focusAtOnce(element) {
  if (element && !element.dataset.hadFocus) {
    element.dataset.hadFocus = "yes";
    element.focus();
  }
}
