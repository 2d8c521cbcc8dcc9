/** Makes the templates of all stacks, in `cdk.out`. Needs no account and no network. */
import { App, Aspects, DefaultStackSynthesizer } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { CollabCanvasStack } from '../lib/collabcanvas-stack.js';
import { RegistryStack } from '../lib/registry-stack.js';
import { dev, prod } from '../lib/stages.js';

const app = new App({ outdir: 'cdk.out' });
// The command that deploys looks at the version itself; the templates then need nothing of the account.
const synthesizer = (): DefaultStackSynthesizer => new DefaultStackSynthesizer({ generateBootstrapVersionRule: false });
new RegistryStack(app, 'CollabCanvas-registry', { env: { region: prod.region }, synthesizer: synthesizer() });
for (const stage of [dev, prod]) new CollabCanvasStack(app, `CollabCanvas-${stage.name}`, { stage, synthesizer: synthesizer() });
Aspects.of(app).add(new AwsSolutionsChecks());
app.synth();
