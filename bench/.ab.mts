import { startGatewayChild, startUpstream } from "./children.ts";
import { compare } from "./measure.ts";
const upstream = await startUpstream({ listeners: 3, cutShare: 0, seed: 1, keepAliveMs: 60_000 });
const bare = await startGatewayChild({ upstreamPorts: upstream.ports, requestLog: false });
const gateway = await startGatewayChild({ upstreamPorts: upstream.ports, requestLog: true });
const c = await compare({ name: "x", bytes: 1800, answer: "json", concurrency: 16 }, { bare, gateway }, { rounds: 8, sliceMs: 1000, warmUpMs: 1500 });
console.log(process.argv[2], "share", c.share.toFixed(3), c.bare.cpuPerRequest, c.gateway.cpuPerRequest, "rss", c.bare.rssMb, c.gateway.rssMb);
await Promise.all([bare.close(), gateway.close(), upstream.close()]);
