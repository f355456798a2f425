// The control plane's HTTP app: health, login, keys, log, UI. Leaves client traffic to proxy.
import { Hono, type MiddlewareHandler } from "hono";
import { bodyLimit } from "hono/body-limit";
import type { Config } from "../config/schema.ts";
import { GatewayError } from "../errors.ts";
import type { Deployment } from "../routing/deployment.ts";
import { wordsOf } from "../routing/eligible.ts";
import { openApiDocument } from "./contract/openapi.ts";
import { refuseUnstorableUrls } from "./http/body.ts";
import { type ApiDeps, apiRoutes } from "./log/api.ts";
import { spendRoutes } from "./log/spend.ts";
import { spendPageRoutes } from "./log/spend-pages.ts";
import { type OperateDeps, operateRoutes } from "./operate/operate.ts";
import { budgetRoutes } from "./records/budgets.ts";
import { customerRoutes } from "./records/customers.ts";
import { keyRoutes } from "./records/keys.ts";
import type { RecordDeps } from "./records/stored.ts";
import { teamRoutes } from "./records/teams.ts";
import { userRoutes } from "./records/users.ts";
import { type AuthDeps, createAdminAuth } from "./session/auth.ts";
import { builtUi, uiRoutes } from "./ui.ts";

/** What the control plane looks at; every member is asked at the time of a request, so a reload is seen at once. */
export interface AdminDeps {
	readonly config: () => Config;
	readonly deployments: () => readonly Deployment[];
	/** Who may use the control plane, and the keys it manages. */
	readonly auth: AuthDeps;
	readonly records: RecordDeps;
	/** The request log, the ledger and the router. */
	readonly api: ApiDeps;
	readonly operate: OperateDeps;
	/** Of the program. */
	readonly version: string;
	/** Whether this replica hears of the others; null = it is alone by configuration. */
	readonly sharedState: () => "connected" | "detached" | null;
	readonly closing: () => boolean;
	/** Told of faults of ours: the answer does not say what they were. */
	readonly failed?: (error: unknown, request: string) => void;
	readonly now: () => number;
}

/** Whether the control plane answers this path. */
export function isControlPlanePath(path: string): boolean {
	return (
		path === "/health" ||
		path === "/openapi.json" ||
		path === "/ui" ||
		PREFIXES.some((prefix) => path.startsWith(prefix))
	);
}

const PREFIXES = [
	"/ui/",
	"/health/",
	"/api/",
	"/spend/",
	"/key/",
	"/team/",
	"/user/",
	"/customer/",
	"/end_user/",
	"/budget/",
];

/** The app. Health calls no model (LiteLLM's `/health` does, and costs money); the open probes say nothing secret. */
export function createAdminApp(deps: AdminDeps): Hono {
	const app = new Hono();

	const { requireRole, routes } = createAdminAuth(deps.auth);
	app.use(limitBody(() => deps.config().limits.maxBodyBytes));
	app.use(refuseUnstorableUrls);

	const alive = () => new Response(JSON.stringify("I'm alive!"), { headers: { "content-type": "application/json" } });
	app.get("/health/liveliness", alive);
	app.get("/health/liveness", alive);

	app.get("/health/readiness", (c) =>
		deps.closing() ? c.json({ status: "closing" }, 503) : c.json({ status: "healthy" }),
	);

	app.get("/health", requireRole("viewer"), (c) => {
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
				unhealthy.push({ ...entry, reason: wordsOf(deployment, now), retry_at: new Date(until).toISOString() });
			else healthy.push(entry);
		}
		const sharedState = deps.sharedState();
		return c.json({
			...(sharedState === null ? {} : { shared_state: sharedState }),
			healthy_endpoints: healthy,
			unhealthy_endpoints: unhealthy,
			healthy_count: healthy.length,
			unhealthy_count: unhealthy.length,
		});
	});

	app.route("/", routes);
	app.route("/", keyRoutes(deps.records, requireRole));
	app.route("/", teamRoutes(deps.records, requireRole));
	app.route("/", userRoutes(deps.records, requireRole));
	app.route("/", customerRoutes(deps.records, requireRole));
	app.route("/", budgetRoutes(deps.records, requireRole));
	app.route("/", apiRoutes(deps.api, requireRole));
	app.route("/", operateRoutes(deps.operate, requireRole));
	app.route("/", uiRoutes(builtUi));
	const spendLog = { log: deps.api.log, hash: (key: string) => deps.records.access.hash(key) };
	app.route("/", spendRoutes(spendLog, requireRole));
	app.route("/", spendPageRoutes(spendLog, requireRole));

	const document = openApiDocument(deps.version);
	app.get("/openapi.json", (c) => c.json(document));

	app.notFound((c) => answer(new GatewayError("not_found", { method: c.req.method, path: c.req.path })));
	app.onError((error, c) => {
		const known = error instanceof GatewayError ? error : new GatewayError("internal", {}, { cause: error });
		if (known.code === "internal") deps.failed?.(known.cause, `${c.req.method} ${c.req.path}`);
		return answer(known);
	});
	return app;
}

/** Forms and keys are small. */
const MOST_BODY_BYTES = 1024 * 1024;
/** Takes a prompt inside a JSON text, where each quote of it takes two bytes. */
const EXPLAIN_PATH = "/api/explain";
const ESCAPED = 2;

/** Refuses larger bodies with body_too_large, before they are held and before it is known who sends them. */
function limitBody(maxPromptBytes: () => number): MiddlewareHandler {
	return (c, next) => {
		const maxSize =
			c.req.path === EXPLAIN_PATH && c.req.header("content-length") !== undefined
				? Math.max(MOST_BODY_BYTES, maxPromptBytes() * ESCAPED)
				: MOST_BODY_BYTES;
		const onError = () => {
			throw new GatewayError("body_too_large", { limit: maxSize });
		};
		return bodyLimit({ maxSize, onError })(c, next);
	};
}

function answer(error: GatewayError): Response {
	const body = { type: "error", error: { type: error.anthropicType, message: error.message }, request_id: null };
	return new Response(JSON.stringify(body), {
		status: error.status,
		headers: { "content-type": "application/json", ...error.headers },
	});
}
