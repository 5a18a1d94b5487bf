// What the clients reach the gateway with: Node's own fetch for HTTP/1.1, and
// undici's, told to speak HTTP/2, for the site with TLS.
import { readFileSync } from 'node:fs';
import { Agent, fetch as undiciFetch } from 'undici';

const env = (name) => {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: these tests are started by the Go tests`);
  return value;
};

export const key = env('E2E_KEY');
export const bases = { h1: env('E2E_PLAIN'), h2: env('E2E_TLS') };

const h2 = new Agent({ allowH2: true, connect: { ca: readFileSync(env('E2E_CA')), ALPNProtocols: ['h2'] } });
const native = globalThis.fetch;

export const fetches = {
  h1: native,
  h2: (input, init) => undiciFetch(input, { ...init, dispatcher: h2 }),
};

export const close = () => h2.close();
