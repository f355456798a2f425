// The control plane's HTTP app: health for now, later the admin API and UI. Leaves client traffic to proxy.
import type { IncomingHttpHeaders } from "node:http";
import { Hono } from "hono";
import type { Config } from "../config/schema.ts";
import { GatewayError } from "../errors.ts";
import type { Deployment } from "../routing/deployment.ts";

/** What the control plane looks at; every member is asked at the time of a request, so a reload is seen at once. */
export interface AdminDeps {
	readonly config: () => Config;
	readonly deployments: () => readonly Deployment[];
	/** Throws a GatewayError when the headers carry no valid key. */
	readonly authenticate: (headers: IncomingHttpHeaders) => unknown;
	readonly closing: () => boolean;
	readonly now: () => number;
}

/** Whether the control plane answers this path. */
export function isControlPlanePath(path: string): boolean {
	return path === "/health" || path.startsWith("/health/");
}

/** The app. Health calls no model (LiteLLM's `/health` does, and costs money); the open probes say nothing secret. */
export function createAdminApp(deps: AdminDeps): Hono {
	const app = new Hono();

	const alive = () => new Response(JSON.stringify("I'm alive!"), { headers: { "content-type": "application/json" } });
	app.get("/health/liveliness", alive);
	app.get("/health/liveness", alive);

	app.get("/health/readiness", (c) =>
		deps.closing() ? c.json({ status: "closing" }, 503) : c.json({ status: "healthy" }),
	);

	app.get("/health", (c) => {
		deps.authenticate(Object.fromEntries(c.req.raw.headers));
		const now = deps.now();
		const healthy: object[] = [];
		const unhealthy: object[] = [];
		for (const deployment of deps.deployments()) {
			const until = Math.max(deployment.cooldownUntil, deployment.quarantineUntil);
			const entry = {
				model: deployment.config.group,
				model_id: deployment.id,
				provider: deployment.config.provider,
				upstream_model: deployment.config.upstreamModel,
				in_flight: deployment.inFlight,
			};
			if (until > now)
				unhealthy.push({ ...entry, reason: whyOut(deployment, now), retry_at: new Date(until).toISOString() });
			else healthy.push(entry);
		}
		return c.json({
			healthy_endpoints: healthy,
			unhealthy_endpoints: unhealthy,
			healthy_count: healthy.length,
			unhealthy_count: unhealthy.length,
		});
	});

	app.notFound((c) => answer(new GatewayError("not_found", { method: c.req.method, path: c.req.path })));
	app.onError((error) =>
		answer(error instanceof GatewayError ? error : new GatewayError("internal", {}, { cause: error })),
	);
	return app;
}

/** Why a deployment is not used now. */
function whyOut(deployment: Deployment, now: number): "credentials refused" | "rate limit" | "failed" {
	if (deployment.quarantineUntil > now) return "credentials refused";
	return deployment.limited ? "rate limit" : "failed";
}

function answer(error: GatewayError): Response {
	const body = { type: "error", error: { type: error.anthropicType, message: error.message }, request_id: null };
	return new Response(JSON.stringify(body), {
		status: error.status,
		headers: { "content-type": "application/json", ...error.headers },
	});
}
