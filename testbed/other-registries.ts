import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { makeCertificate } from './certificates.js';
import { atExit, freePort, startProcess } from './process.js';
import { tool } from './tools.js';

/** A registry, or what is before one. */
export interface OtherRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  stop(): Promise<void>;
}

const START_MS = 30_000;

/** Starts the registry of go-containerregistry's crane, which keeps images in memory. */
export async function startCraneRegistry(): Promise<OtherRegistry> {
  const { folder, release } = scratch('canary-crane-');
  const host = `127.0.0.1:${await freePort()}`;
  const program = tool('crane');
  if (program === undefined) throw new Error('crane is not available');
  const ready = () =>
    fetch(`http://${host}/v2/`).then(
      ({ ok }) => ok,
      () => false,
    );
  const options = { logFile: join(folder, 'log'), ready, timeoutMs: START_MS };
  const { stop } = await startProcess(program.path, ['registry', 'serve', '--address', host], options);
  return { host, stop: () => stop().finally(release) };
}

/**
 * Starts nginx with TLS before a registry, as companies have it: it compresses every answer, takes out the registry's own
 * headers, and passes the `Host` that it was asked for, so that `Location` names it.
 * @param behind `host:port`
 */
export async function startNginx(behind: string): Promise<OtherRegistry> {
  const { folder, release } = scratch('canary-nginx-');
  const program = tool('nginx');
  if (program === undefined) throw new Error('nginx is not available');
  const port = await freePort();
  const authority = makeCertificate('authority of the tests');
  const { cert, key } = makeCertificate('registry', authority, ['127.0.0.1', 'localhost']);
  writeFileSync(join(folder, 'cert.pem'), cert);
  writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
  writeFileSync(join(folder, 'nginx.conf'), configuration(folder, port, behind));
  const options = {
    logFile: join(folder, 'log'),
    ready: () => readFileSync(join(folder, 'error.log'), 'utf8').includes('start worker processes'),
    timeoutMs: START_MS,
  };
  writeFileSync(join(folder, 'error.log'), '');
  const args = ['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', join(folder, 'error.log'), '-g', 'daemon off;'];
  const { stop } = await startProcess(program.path, args, options);
  return { host: `127.0.0.1:${port}`, stop: () => stop().finally(release) };
}

const configuration = (folder: string, port: number, behind: string) => `
worker_processes 1;
pid ${folder}/pid;
error_log ${folder}/error.log notice;
events { worker_connections 64; }
http {
  access_log off;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ')}
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${folder}/cert.pem;
    ssl_certificate_key ${folder}/key.pem;
    client_max_body_size 0;
    gzip on;
    gzip_min_length 1;
    gzip_proxied any;
    gzip_types *;
    location / {
      proxy_pass http://${behind};
      proxy_http_version 1.1;
      proxy_set_header Host $http_host;
      proxy_set_header X-Forwarded-Proto $scheme;
      proxy_hide_header Docker-Content-Digest;
      proxy_hide_header Docker-Distribution-Api-Version;
    }
  }
}
`;

function scratch(prefix: string) {
  const folder = mkdtempSync(join(tmpdir(), prefix));
  const remove = () => rmSync(folder, { recursive: true, force: true });
  const forget = atExit(remove);
  const release = () => {
    forget();
    remove();
  };
  return { folder, release };
}
