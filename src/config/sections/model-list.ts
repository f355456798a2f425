// `model_list`: its entries → deployments with provider, credentials and id, and the rules between them. Leaves the options of an entry to
// sections/deployment, and what deployments do at run time to routing and providers.
import { createHash } from "node:crypto";
import { type Environment, isUnresolved } from "../environment.ts";
import { baseName } from "../model-name.ts";
import { type ProviderTarget, targetOf } from "../provider-kind.ts";
import type { Report } from "../report.ts";
import { Secret } from "../secret.ts";
import type { Path } from "../source.ts";
import { nearest } from "../suggest.ts";
import { validate } from "../validate.ts";
import type { DeploymentCredentials } from "./credential-options.ts";
import { type CredentialContext, credentialsOf, readCredentialList } from "./credentials.ts";
import {
	type DeploymentConfig,
	type DeploymentDraft,
	type DeploymentEntry,
	deploymentSchema,
	modelInfoSchema,
	toDeployment,
} from "./deployment.ts";
import type { LitellmSections } from "./litellm-sections.ts";
import { markingOf } from "./marking.ts";

/** Reads `model_list`. Faults are reported; entries with a fault that leaves no usable deployment are left out. */
export function readDeployments(report: Report, environment: Environment, theirs: LitellmSections): DeploymentConfig[] {
	const list = report.value(["model_list"]);
	if (!Array.isArray(list) || list.length === 0) {
		if (isUnresolved(list)) return [];
		const found =
			list === undefined ? "is missing" : Array.isArray(list) ? "is empty" : "expected a list of deployments";
		report.fault({
			path: ["model_list"],
			message: found,
			hint: "Give at least one deployment; see config.example.yaml.",
		});
		return [];
	}
	const context = { report, environment, shared: readCredentialList(report) };
	const drafts: DeploymentDraft[] = [];
	for (const index of list.keys()) {
		const path = ["model_list", index];
		const entry = validate(deploymentSchema, path, report);
		if (entry === undefined) continue;
		const target = readTarget(entry, path, context);
		if (target === null) continue;
		const params = [...path, "litellm_params"];
		checkGroupName(entry, path, target, report);
		checkHeaders(entry, [...params, "extra_headers"], report);
		warnOfModelInfo(entry, [...path, "model_info"], report);
		warnOfPoints(entry, [...params, "cache_control_injection_points"], report);
		const credentials = credentialsOf({ params: entry.litellm_params, path: params, target }, context);
		warnOfLentKey(credentials, { target, path: params, report });
		// No upstream knows the suffix for a long context.
		drafts.push({ entry, path, target, upstreamModel: baseName(target.upstreamModel), credentials });
	}
	warnMixedMarking(drafts, { report, theirs });
	const ids = new Ids();
	// Chosen ids come first, so that a generated one never takes a chosen one's place.
	for (const draft of drafts) {
		if (draft.entry.model_info.id !== undefined) ids.claim(draft.entry.model_info.id, draft.path, report);
	}
	return drafts.map((draft) =>
		toDeployment(draft, draft.entry.model_info.id ?? ids.generate(draft), { report, theirs }),
	);
}

function readTarget(entry: DeploymentEntry, path: Path, { report, shared }: CredentialContext): ProviderTarget | null {
	const { model, custom_llm_provider: own, litellm_credential_name: credential } = entry.litellm_params;
	if (isUnresolved(model)) return null;
	const provider = credential === undefined ? undefined : shared.get(credential)?.values["custom_llm_provider"];
	const named = own ?? (typeof provider === "string" ? provider : undefined) ?? entry.model_info.litellm_provider;
	const target = targetOf(model, named);
	if ("upstreamModel" in target) return target;
	report.fault({ path: [...path, "litellm_params", "model"], ...target });
	return null;
}

function checkGroupName(entry: DeploymentEntry, path: Path, target: ProviderTarget, report: Report): void {
	const stars = (text: string): number => text.split("*").length - 1;
	const inName = stars(entry.model_name);
	const inModel = stars(target.upstreamModel);
	if (inName > 1) report.fault({ path: [...path, "model_name"], message: "a pattern may hold only one *" });
	if (inModel > 1) report.fault({ path: [...path, "litellm_params", "model"], message: "a model may hold only one *" });
	if (inModel === 1 && inName === 0) {
		report.fault({
			path: [...path, "litellm_params", "model"],
			message: "the * stands for what the model_name's * matched, and the model_name has none",
			hint: "Write model_name: claude-*, for instance.",
		});
	}
}

const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
const HEADER_VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const OWN_HEADERS = new Set([
	"connection",
	"content-length",
	"host",
	"keep-alive",
	"te",
	"trailer",
	"transfer-encoding",
	"upgrade",
]);

function checkHeaders(entry: DeploymentEntry, path: Path, report: Report): void {
	for (const [name, value] of Object.entries(entry.litellm_params.extra_headers)) {
		const fault = (message: string): void => report.fault({ path: [...path, name], at: "key", message });
		if (!HEADER_NAME.test(name)) fault("not a valid header name");
		else if (OWN_HEADERS.has(name.toLowerCase())) fault("this header belongs to the connection and cannot be set");
		else if (!isUnresolved(value) && !HEADER_VALUE.test(value))
			fault("the header's value holds a character that cannot be sent");
	}
}

/** model_info takes any entry, so that a slip in one that matters would go unnoticed. */
function warnOfModelInfo(entry: DeploymentEntry, path: Path, report: Report): void {
	for (const name of Object.keys(entry.model_info)) {
		const meant = nearest(name, Object.keys(modelInfoSchema.shape));
		if (meant === null || meant === name || name.length < 9) continue;
		report.warn({ path: [...path, name], at: "key", message: `has no meaning here. Did you mean '${meant}'?` });
	}
}

const OPENAI_HOST = /(^|\.)(openai\.com|openai\.azure\.com)$/;

/** As LiteLLM does, the environment's key of OpenAI goes to whatever server the file names: the operator should know. */
function warnOfLentKey(
	{ apiBase, origins }: DeploymentCredentials,
	{ target, path, report }: { readonly target: ProviderTarget; readonly path: Path; readonly report: Report },
): void {
	if (target.provider !== "openai" || apiBase === null || origins?.["api_key"] !== "env OPENAI_API_KEY") return;
	if (!URL.canParse(apiBase) || OPENAI_HOST.test(new URL(apiBase).hostname)) return;
	report.warn({
		path: [...path, "api_base"],
		message: "this server is sent OPENAI_API_KEY of the environment",
		hint: "Give the deployment an api_key of its own; any text will do for a server that asks for none.",
	});
}

/** LiteLLM passes over a point that names no message. */
function warnOfPoints(entry: DeploymentEntry, path: Path, report: Report): void {
	for (const [at, { location }] of entry.litellm_params.cache_control_injection_points.entries()) {
		// As they are written: one that is faulty has been reported already.
		const isNamed = ["role", "index"].some((name) => report.value([...path, at, name]) !== undefined);
		if (location !== "message" || isNamed) continue;
		report.warn({
			path: [...path, at],
			message: "says neither role nor index, so that it marks nothing",
			hint: "Add role: system, user or assistant, or index: a position in the list, negative from the end.",
		});
	}
}

/** Prompts are marked before a deployment is chosen, so that one deployment's points hold for its whole group. */
function warnMixedMarking(drafts: readonly DeploymentDraft[], { report, theirs }: DraftContext): void {
	const firsts = new Map<string, DeploymentDraft>();
	const told = new Set<string>();
	const markingText = ({ entry }: DeploymentDraft): string =>
		JSON.stringify(markingOf(entry.litellm_params, theirs.litellm));
	for (const draft of drafts) {
		const group = draft.entry.model_name;
		// Without points of its own, a server that caches by itself has nothing to say.
		if (draft.target.provider === "openai" && markingText(draft) === "null") continue;
		const first = firsts.get(group);
		if (first === undefined) firsts.set(group, draft);
		else if (!told.has(group) && markingText(first) !== markingText(draft)) {
			told.add(group);
			const { cache_control_injection_points: points } = draft.entry.litellm_params;
			const option = points.length > 0 ? ["cache_control_injection_points"] : [];
			report.warn({
				path: [...draft.path, "litellm_params", ...option],
				message: `marks other parts of a prompt than the deployment of '${group}' at ${report.placeText(first.path)}`,
				hint: "Prompts are marked before a deployment is chosen: the first deployment that marks anything speaks for its group. Give all deployments of a group the same cache_control_injection_points and cache_control.",
			});
		}
	}
}

interface DraftContext {
	readonly report: Report;
	readonly theirs: LitellmSections;
}

/** Hands out unique ids. */
class Ids {
	readonly #taken = new Map<string, Path>();

	claim(id: string, path: Path, report: Report): void {
		const first = this.#taken.get(id);
		if (first === undefined) this.#taken.set(id, path);
		else {
			report.fault({
				path: [...path, "model_info", "id"],
				message: `the id '${id}' is already that of the deployment at ${report.placeText(first)}`,
				hint: "Give each deployment an id of its own, or none.",
			});
		}
	}

	/**
	 * The same for the same deployment whatever the order of its options, its limits or its weight, so that what was learned
	 * about it survives their change. Equal deployments are distinguished by their order in the file.
	 */
	generate({ entry, path, target, credentials }: DeploymentDraft): string {
		const reveal = (value: unknown): unknown => (value instanceof Secret ? value.reveal() : value);
		const extra = Object.entries(credentials.extra).map(([name, value]) => [name, reveal(value)]);
		const headers = Object.entries(entry.litellm_params.extra_headers);
		const identity = [
			entry.model_name,
			target.provider,
			target.upstreamModel,
			reveal(credentials.apiKey),
			credentials.apiBase,
			extra.sort(byName),
			headers.sort(byName),
		];
		const hash = createHash("sha256").update(JSON.stringify(identity)).digest("hex").slice(0, 16);
		let id = hash;
		for (let copy = 2; this.#taken.has(id); copy++) id = `${hash}-${copy}`;
		this.#taken.set(id, path);
		return id;
	}
}

function byName(a: readonly unknown[], b: readonly unknown[]): number {
	return String(a[0]) < String(b[0]) ? -1 : 1;
}
