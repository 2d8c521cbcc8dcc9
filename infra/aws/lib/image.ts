/** What is taken for granted of the image: who runs in it, and how it is asked whether it lives. */
import { ADMIN } from './ports.js';

/** Nobody in particular, and not root. */
export const USER = '65532:65532';

/** ECS does not read the health check of an image, so it is said again. */
export const ALIVE = ['CMD-SHELL', `curl --fail --silent --show-error --max-time 3 http://127.0.0.1:${String(ADMIN)}/livez || exit 1`];

/** The collector of AWS, which passes metrics on. */
export const COLLECTOR = 'public.ecr.aws/aws-observability/aws-otel-collector:v0.43.3';
