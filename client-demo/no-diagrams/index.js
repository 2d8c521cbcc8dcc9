export const parseMermaidToExcalidraw = () => Promise.reject(new Error('diagrams from text are not offered here'));
