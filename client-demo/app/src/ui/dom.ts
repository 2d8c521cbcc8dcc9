type Child = Node | string;
type Attributes = Readonly<Record<string, string | boolean | ((event: Event) => void)>>;

/** An element with attributes (`onclick` and the like are listeners) and children. */
export function h<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[K] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (typeof value === 'string') element.setAttribute(name, value);
    else element.toggleAttribute(name, value);
  }
  element.append(...children);
  return element;
}

/** One of the page's own icons, as an element that readers of the screen skip. */
export function icon(drawing: string): SVGElement {
  const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
  svg.setAttribute('viewBox', '0 0 20 20');
  svg.setAttribute('aria-hidden', 'true');
  svg.classList.add('icon');
  // The drawings are constants of this bundle, never text from outside.
  svg.innerHTML = drawing;
  return svg;
}

/** A button that shows only an icon; its name is its label and its tooltip. */
export function iconButton(
  drawing: string,
  name: string,
  press: () => void,
  options: { keys?: string; className?: string } = {},
): HTMLButtonElement {
  const title = options.keys ? `${name} — ${options.keys}` : name;
  const attributes = { type: 'button', class: `button ${options.className ?? ''}`, title, 'aria-label': name, onclick: press };
  return h('button', attributes, icon(drawing));
}

/** `f` at most once a frame, however often it is called. */
export function oncePerFrame(f: () => void): () => void {
  let requested = false;
  return () => {
    if (requested) return;
    requested = true;
    requestAnimationFrame(() => {
      requested = false;
      f();
    });
  };
}
