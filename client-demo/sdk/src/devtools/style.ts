/** How the overlay looks; its page's own style does not reach it, but may say where it is and how high at most. */
export const STYLE = `
.panel {
  position: fixed; z-index: 2147483000; inset: var(--devtools-inset, auto 8px 8px auto); width: min(340px, calc(100vw - 16px));
  max-height: var(--devtools-height, 70vh); overflow: auto;
  box-sizing: border-box; padding: 8px 12px 12px; border: 1px solid #444b57; border-radius: 8px; background: #1b1f26ee; color: #dde3ec;
  font: 12px/1.5 ui-monospace, SFMono-Regular, Menlo, monospace;
}
h2 { margin: 8px 0 2px; color: #8fa3bf; font-size: 11px; font-weight: 600; letter-spacing: 0.04em; text-transform: uppercase; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 0 12px; margin: 0; }
dt { color: #a9b6c8; }
dd { margin: 0; overflow-wrap: anywhere; }
dd.trouble { color: #ff9d8a; }
dd.connection { color: #ffd479; }
dd.edit { color: #9be59b; }
`;
