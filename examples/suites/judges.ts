import { alerts, command, defaultSuite, drift, prometheus } from '@canary-release-gate/canary/smoke';

const PROMETHEUS = { url: 'https://prometheus.example.com', token: { file: 'prometheus-token' } };

/** Suite of the gate, and what other systems say of the build: metrics, alerts and a program of your own. */
export default [
  ...defaultSuite,
  prometheus('few requests fail', 'at most 1% of the requests failed during the soak', {
    ...PROMETHEUS,
    query:
      'sum(rate(http_requests_total{host="{host}",code=~"5.."}[1m])) / sum(rate(http_requests_total{host="{host}"}[1m]))',
    is: { atMost: 0.01 },
    samples: 10,
  }),
  prometheus('as fast as production', 'the 99th percentile is at most 1.2 times that of production at the same time', {
    ...PROMETHEUS,
    query: 'max(tenant:latency:p99{host="{host}"})',
    is: { atMost: 1.2 },
    compare: { production: 'max(tenant:latency:p99{track="production"})', slack: 0.05 },
  }),
  alerts('no critical alert fires', 'nothing that pages a person fires for the tenant', {
    url: 'https://alertmanager.example.com',
    from: 'alertmanager',
    filter: ['severity="critical"', 'host="{host}"'],
    watchdog: 'Watchdog',
    failures: 2,
    every: '10s',
  }),
  command('the load test passes', 'the tenant serves 50 requests a second', {
    run: ['k6', 'run', '--quiet', 'load.js'],
    env: { K6_CLOUD_TOKEN: { env: 'K6_CLOUD_TOKEN' } },
    timeout: '60s',
    observe: true,
  }),
  drift('configured as production', 'what passes here is what production runs', {
    read: [{ path: '/admin/liveness', keys: ['subsystems'] }],
  }),
];
