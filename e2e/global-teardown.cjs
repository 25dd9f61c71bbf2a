const { once } = require('node:events');

module.exports = async () => {
  const infra = globalThis.__INFRA__;
  if (!infra) return;
  infra.kill('SIGTERM');
  await once(infra, 'exit');
};
