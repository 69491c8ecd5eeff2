// What the command line uses of undici: its index also loads fetch, WebSocket, caches and mocks, which cost more than a command's work.
const Dispatcher = require('undici/lib/dispatcher/dispatcher.js');

// As the index does.
Object.assign(Dispatcher.prototype, { request: require('undici/lib/api/api-request.js') });

module.exports = {
  Agent: require('undici/lib/dispatcher/agent.js'),
  Client: require('undici/lib/dispatcher/client.js'),
  Pool: require('undici/lib/dispatcher/pool.js'),
  ProxyAgent: require('undici/lib/dispatcher/proxy-agent.js'),
  buildConnector: require('undici/lib/core/connect.js'),
  errors: require('undici/lib/core/errors.js'),
};
