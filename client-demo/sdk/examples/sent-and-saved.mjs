/**
 * Makes an edit and tells how far it has come: `node examples/sent-and-saved.mjs ws://127.0.0.1:8080/v1/projects/example/ws`.
 * Stop the server meanwhile, and start it again: the edit waits, and is saved in the end.
 */
import { writeFileSync } from 'node:fs';
import { connect } from '@collabcanvas/sdk';
import { lossAsJson } from '@collabcanvas/sdk/json';
import { WebSocket } from 'ws';

const url = process.argv[2] ?? 'ws://127.0.0.1:8080/v1/projects/example/ws';
const canvas = connect({ url, WebSocket });
canvas.on('status', ({ connection, unsent, unsaved, stalled, mode }) => {
  console.log(`${connection}: ${unsent} unsent, ${unsaved} unsaved${stalled ? ', the store does not answer' : ''}, ${mode}`);
});
canvas.on('loss', (loss) => {
  console.error(`${loss.message}: see lost-changes.json`);
  writeFileSync('lost-changes.json', lossAsJson(loss));
});

const edit = canvas.batch((tx) => void tx.create({ type: 'note', text: 'hello' }));
console.log(`made: ${edit.state}`);
await edit.accepted;
console.log('accepted: everybody sees it');
await edit.saved;
console.log('saved: it survives');
await canvas.close();
