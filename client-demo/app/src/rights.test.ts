import { describe, expect, it } from 'vitest';
import { mayEdit, whyViewOnly } from './rights';

describe('rights', () => {
  it('who may edit is told nothing, who may not is told why', () => {
    for (const role of [undefined, 'owner', 'editor'] as const) expect([mayEdit({ role }), whyViewOnly(role)]).toEqual([true, undefined]);
    for (const role of ['viewer', 'commenter'] as const) expect([mayEdit({ role }), whyViewOnly(role)]).toEqual([false, expect.stringMatching(/Ask its owner/)]);
  });
});
