// The words below `warmpath keys` and `warmpath db`, the commands that work on the database: what each is called, its options and help.
// Leaves the work to commands/keys and commands/db, which are loaded only when they are run.
import { type Command, Option } from "commander";
import { EXPORT_FORMATS, type ExportFormat } from "../requestlog/export.ts";
import { amount, commaSeparated, positiveNumber, timeOf } from "./option-values.ts";

interface DatabaseFlags {
	readonly config?: string | undefined;
	readonly json?: boolean | undefined;
}

interface KeyCreateFlags extends DatabaseFlags {
	readonly alias?: string;
	readonly models?: readonly string[];
	readonly duration?: string;
	readonly maxBudget?: number;
	readonly budgetDuration?: string;
	readonly softBudget?: number;
	readonly rpm?: number;
	readonly tpm?: number;
	readonly parallel?: number;
	readonly team?: string;
	readonly user?: string;
	readonly tags?: readonly string[];
	readonly allowedDomains?: readonly string[];
	readonly type?: string;
}

function addKeyCreate(keys: Command): void {
	keys
		.command("create")
		.description("make a key and print it, once")
		.option("--alias <name>", "name of the key")
		.option("--models <names>", "models it may ask for, comma-separated; * matches anything", commaSeparated)
		.option("--duration <time>", "how long it is valid: 30m, 24h, 30d, 1mo")
		.option("--max-budget <dollars>", "dollars it may spend", amount)
		.option("--budget-duration <time>", "when the budget starts anew: 24h, 30d, 1mo (default: never)")
		.option("--soft-budget <dollars>", "dollars after which a warning is logged", amount)
		.option("--rpm <n>", "requests a minute", positiveNumber)
		.option("--tpm <n>", "tokens a minute", positiveNumber)
		.option("--parallel <n>", "requests at the same time", positiveNumber)
		.option("--team <id>", "team it belongs to")
		.option("--user <id>", "user it belongs to")
		.option("--tags <names>", "tags of its requests, comma-separated", commaSeparated)
		.option("--allowed-domains <names>", "cache domains it is confined to, comma-separated", commaSeparated)
		.option("--type <type>", "default, llm_api (models only), management, read_only")
		.option("-c, --config <file>", "configuration that names the database")
		.option("--json", "machine-readable")
		.addHelpText(
			"after",
			`
Examples:
  $ warmpath keys create --alias laptop --models claude-code --max-budget 50 --budget-duration 30d
  $ warmpath keys create --alias ci --type llm_api --duration 90d --rpm 60 --json | jq -r .key

A client sends it as its key: ANTHROPIC_AUTH_TOKEN for Claude Code, api_key for OpenAI clients.`,
		)
		.action(async (options: KeyCreateFlags) => {
			const { config, json, alias, rpm, tpm, parallel, team, user, type, ...rest } = options;
			const fields = {
				key_alias: alias,
				models: rest.models,
				duration: rest.duration,
				max_budget: rest.maxBudget,
				budget_duration: rest.budgetDuration,
				soft_budget: rest.softBudget,
				rpm_limit: rpm,
				tpm_limit: tpm,
				max_parallel_requests: parallel,
				team_id: team,
				user_id: user,
				tags: rest.tags,
				allowed_domains: rest.allowedDomains,
				key_type: type,
			};
			await runKeys({ kind: "create", fields }, { config, json });
		});
}

/** Adds what can be done with virtual keys below `keys`. */
export function addKeysCommands(keys: Command): void {
	addKeyCreate(keys);

	keys
		.command("list")
		.description("all keys with what they spent")
		.option("-c, --config <file>", "configuration that names the database")
		.option("--json", "machine-readable")
		.action((options: DatabaseFlags) => runKeys({ kind: "list" }, options));

	for (const [kind, description] of [
		["info", "everything about a key but its secret"],
		["block", "refuse a key from now on"],
		["unblock", "let a blocked key in again"],
		["regenerate", "give a key a new secret; the old one ends at once"],
	] as const) {
		keys
			.command(kind)
			.description(description)
			.argument("<key>", "alias, id, hash, or the key itself")
			.option("-c, --config <file>", "configuration that names the database")
			.option("--json", "machine-readable")
			.action((name: string, options: DatabaseFlags) => runKeys({ kind, name }, options));
	}

	keys
		.command("delete")
		.description("remove keys for good")
		.argument("<keys...>", "aliases, ids, hashes, or the keys themselves")
		.option("-c, --config <file>", "configuration that names the database")
		.option("--json", "machine-readable")
		.action((names: string[], options: DatabaseFlags) => runKeys({ kind: "delete", names }, options));
}

/** Adds what can be done with the database below `db`. */
export function addDbCommands(db: Command): void {
	db.command("migrate")
		.description("apply pending migrations; forward only")
		.option("-c, --config <file>", "configuration that names the database")
		.action((options: DatabaseFlags) => runDb({ kind: "migrate" }, options));

	db.command("status")
		.description("where it is, how much is in it, which migrations it has")
		.option("-c, --config <file>", "configuration that names the database")
		.option("--json", "machine-readable")
		.action((options: DatabaseFlags) =>
			runDb({ kind: "status", format: options.json === true ? "json" : "text" }, options),
		);

	db.command("export")
		.description("the request log, a line a request, oldest first: no prompts, but the ids of keys and sessions")
		.option("-c, --config <file>", "configuration that names the database")
		.option("--from <time>", "requests from then on: 2026-11-01, 2026-11-01T12:00Z, or 7d (ago)", timeOf)
		.option("--to <time>", "requests before then", timeOf)
		.option("--session <id>", "one conversation")
		.option("--user <id>", "one user's requests")
		.option("--team <id>", "one team's requests")
		.option("--model <name>", "a model, as clients ask for it")
		.addOption(
			new Option(
				"--format <format>",
				"jsonl or csv; default: csv where the file's name ends in .csv, else jsonl",
			).choices(EXPORT_FORMATS),
		)
		.option("-o, --output <file>", "where to; default: standard output")
		.addHelpText("after", EXPORT_HELP)
		.action((options: ExportFlags, command: Command) => {
			const { from, to, session, user, team, model, output, format } = options;
			if (from !== undefined && to !== undefined && from >= to) command.error("error: --from must be before --to");
			const filter = { from, to, session, userId: user, teamId: team, model };
			const byName = output?.toLowerCase().endsWith(".csv") === true ? "csv" : "jsonl";
			return runDb({ kind: "export", filter, format: format ?? byName, file: output ?? null }, options);
		});
}

interface ExportFlags extends DatabaseFlags {
	readonly from?: number;
	readonly to?: number;
	readonly session?: string;
	readonly user?: string;
	readonly team?: string;
	readonly model?: string;
	readonly output?: string;
	readonly format?: ExportFormat;
}

const EXPORT_HELP = `
Examples:
  $ warmpath db export --from 2026-11-01 --to 2026-12-01 -o november.jsonl    then: warmpath replay november.jsonl
  $ warmpath db export --from 7d --format csv | gzip > week.csv.gz
  $ warmpath db export --user somebody -o somebody.csv

csv has the columns of the table requests (docs/sql.md), times as ISO 8601 in UTC, nothing for null.
jsonl has all that and the details: attempts, candidates, the prompt's map without its text; times in ms since 1970.
Times without a zone are UTC. Progress goes to standard error. It may run beside a gateway.`;

async function runKeys(action: import("./keys.ts").KeysAction, options: DatabaseFlags): Promise<void> {
	const { keysCommand } = await import("./keys.ts");
	process.exitCode = await keysCommand(action, options.config ?? null, {
		out: (text) => process.stdout.write(text),
		err: (text) => process.stderr.write(text),
		env: process.env,
		now: Date.now,
		format: options.json === true ? "json" : "text",
	});
}

async function runDb(action: import("./db.ts").DbAction, { config }: DatabaseFlags): Promise<void> {
	const { dbCommand } = await import("./db.ts");
	process.exitCode = await dbCommand(action, config ?? null, {
		out: process.stdout,
		err: (text) => process.stderr.write(text),
		terminal: process.stderr.isTTY === true,
		env: process.env,
		now: Date.now,
	});
}
