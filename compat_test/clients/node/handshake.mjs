// Connects one library and prints what the server knows of the connection.
import { createClient } from 'redis';
import Redis from 'ioredis';

const [library, url, name, protocol] = process.argv.slice(2);

async function viaNodeRedis() {
  const client = createClient({ url, name, RESP: Number(protocol) });
  await client.connect();
  return client.sendCommand(['CLIENT', 'INFO']);
}

// ioredis asks INFO until the server says that it has loaded its data.
async function viaIORedis() {
  const client = new Redis(url, { connectionName: name, enableReadyCheck: true });
  await new Promise((resolve, reject) => client.once('ready', resolve).once('error', reject));
  return client.client('INFO');
}

console.log(String(await (library === 'redis' ? viaNodeRedis() : viaIORedis())));
process.exit(0);
