/** A dialog: the browser's own, so that keys, focus and the reader behave as people know. */
import { html } from "htm/preact";
import { useEffect, useRef } from "preact/hooks";
import { Icon } from "./icons.js";

/**
 * Shown as long as it is in the tree; Escape, the cross and a click beside it close it.
 * @param {{title: string, onClose: () => void, children: any, footer?: any}} props
 */
export function Dialog({ title, onClose, children, footer }) {
  const dialog = useRef(null);
  useEffect(() => {
    dialog.current.showModal();
    return () => dialog.current?.close();
  }, []);
  const beside = (event) => {
    if (event.target === dialog.current) onClose();
  };
  const cancelled = (event) => {
    event.preventDefault();
    onClose();
  };
  return html`<dialog ref=${dialog} onCancel=${cancelled} onMouseDown=${beside} aria-label=${title}>
    <header><h2>${title}</h2><button class="icon-button" aria-label="Close" onClick=${onClose}><${Icon} name="close" /></button></header>
    <div class="body">${children}</div>
    ${footer && html`<footer>${footer}</footer>`}
  </dialog>`;
}
