import { startGatewayChild, startUpstream } from "./children.ts";
import { compare } from "./measure.ts";
const upstream = await startUpstream({ listeners: 3, cutShare: 0, seed: 1, keepAliveMs: 60_000 });
const bare = await startGatewayChild({ upstreamPorts: upstream.ports, requestLog: false });
const gateway = await startGatewayChild({ upstreamPorts: upstream.ports, requestLog: true });
const c = await compare({ name: "x", bytes: 1800, answer: "json", concurrency: 16 }, { bare, gateway }, { rounds: 6, sliceMs: 1500, warmUpMs: 1500 });
console.log("share", c.share, c.bare.cpuPerRequest, c.gateway.cpuPerRequest);
console.log("without", bare.log().split("\n").filter(l=>l.startsWith("REC")).slice(-2)); console.log("with", gateway.log().split("\n").filter(l=>l.startsWith("REC")).slice(-3));
await Promise.all([bare.close(), gateway.close(), upstream.close()]);
