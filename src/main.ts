#!/usr/bin/env node
// The command line: which command does what, with help that teaches. Leaves the words below keys and db to
// commands/database-words, and the work to commands/.
import { readFileSync } from "node:fs";
import { Command, Option } from "commander";
import { addDbCommands, addKeysCommands } from "./commands/database-words.ts";
import { factor, milliseconds, portNumber, positiveNumber, share } from "./commands/option-values.ts";

const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8")) as {
	version: string;
};

const program = new Command("warmpath")
	.description("LLM gateway that sends every Claude Code turn to the deployment where its prompt is already cached.")
	.version(version)
	.showHelpAfterError("(run with --help for examples)")
	.showSuggestionAfterError()
	.enablePositionalOptions()
	.addHelpText(
		"after",
		`
Start here:
  $ warmpath demo                       see it work, no key needed
  $ warmpath check config.yaml          what a configuration means, and what is wrong with it
  $ warmpath --config config.yaml       serve; prints RUNNING on http://127.0.0.1:4000 when ready
  $ warmpath claude                     Claude Code against it
  $ warmpath <command> --help           more, with examples`,
	);

program
	.command("serve", { isDefault: true })
	.description("start the gateway (also without the word 'serve')")
	.option("-c, --config <file>", "configuration, in LiteLLM's config.yaml format (required)")
	.option("--host <address>", "address to listen on (default: 127.0.0.1; other addresses need a master key)")
	.option("--port <number>", "port to listen on (default: 4000; 0 = any free one)", portNumber)
	.allowExcessArguments()
	.addHelpText(
		"after",
		`
Examples:
  $ warmpath --config config.yaml                 serve on http://127.0.0.1:4000
  $ warmpath --config config.yaml --port 8080
  $ kill -HUP <pid>                               read the file again; running answers are not interrupted
  $ warmpath check config.yaml                    only look at the file

Then point Claude Code at it:
  $ export ANTHROPIC_BASE_URL=http://127.0.0.1:4000
  $ export ANTHROPIC_AUTH_TOKEN=<general_settings.master_key, or anything when none is set>
  $ claude                                        or simply: warmpath claude

The admin UI is at http://127.0.0.1:4000/ui`,
	)
	.action(async (options: { config?: string; host?: string; port?: number }, command: Command) => {
		const { config, ...rest } = options;
		const [word] = command.args;
		if (word !== undefined) refuseWord(word);
		if (config === undefined) {
			return program.error(
				"error: no configuration given\nStart with 'warmpath --config config.yaml', or see it work without one: 'warmpath demo'",
			);
		}
		const { serveCommand } = await import("./commands/serve.ts");
		await serveCommand({ config, ...rest });
	});

/** `serve` is what a line without a command means, so a mistyped command comes to it as an argument. */
function refuseWord(word: string): never {
	if (/\.ya?ml$/i.test(word)) program.error(`error: '${word}' is no command\nTo serve it: warmpath --config ${word}`);
	const names = program.commands.flatMap((command) => [command.name(), ...command.aliases()]);
	const near = names.find((name) => name.startsWith(word) || word.startsWith(name));
	return program.error(`error: '${word}' is no command${near === undefined ? "" : `\n(Did you mean ${near}?)`}`);
}

program
	.command("check")
	.description("report every fault of a configuration with line:column, and what it resolves to")
	.argument("<file>", "the configuration")
	.option("--json", "machine-readable")
	.addHelpText(
		"after",
		"\nExamples:\n  $ warmpath check config.yaml\n  $ warmpath check config.yaml --json | jq .deployments",
	)
	.action(async (file: string, options: { json?: boolean }) => {
		const { checkCommand, processIo } = await import("./commands/check.ts");
		process.exitCode = await checkCommand(file, processIo(options.json === true ? "json" : "text"));
	});

program
	.command("demo")
	.description(
		"no key needed: three simulated deployments, the gateway, agent-like conversations, live in the terminal",
	)
	.option(
		"--for <duration>",
		"stop after this long (for example 20s, 2m; default: until Ctrl-C, or 30s without a terminal)",
	)
	.option("--conversations <n>", "conversations running side by side", positiveNumber, 6)
	.option("--deployments <n>", "simulated deployments", positiveNumber, 3)
	.addHelpText(
		"after",
		"\nExamples:\n  $ warmpath demo\n  $ warmpath demo --for 20s --deployments 4 --conversations 12",
	)
	.action(async (options: { for?: string; conversations: number; deployments: number }) => {
		const { demoCommand } = await import("./commands/demo.ts");
		process.exitCode = await demoCommand({
			forDuration: options.for ?? null,
			conversations: options.conversations,
			deployments: options.deployments,
			out: process.stdout,
		});
	});

program
	.command("simulator")
	.alias("simulate")
	.description(
		"run fake providers (Anthropic, AWS, Google, Foundry, OpenAI) with real prompt-cache behaviour, limits and faults",
	)
	.option("--port <number>", "port to listen on (0 = any free one)", portNumber, 9100)
	.option(
		"--deployments <n>",
		"API keys to accept: sk-sim-1 … sk-sim-n, each with a cache of its own",
		positiveNumber,
		3,
	)
	.option("--shared-workspace", "let all keys share one workspace and so one cache")
	.option("--itpm <tokens>", "uncached input tokens a minute and key", positiveNumber)
	.option("--aws <n>", "AWS accounts with Bedrock", positiveNumber)
	.option("--google <n>", "Google projects with Vertex AI", positiveNumber)
	.option("--foundry <n>", "Microsoft Foundry resources", positiveNumber)
	.option("--openai <n>", "OpenAI-compatible servers", positiveNumber)
	.option(
		"--region-stickiness <share>",
		"chance that a cross-Region profile stays in the Region that served it last, 0 to 1",
		share,
		1,
	)
	.option("--speed <factor>", "0 = answer at once, 1 = as slow as a real model", factor, 0.2)
	.option("--write-config <file>", "write a gateway configuration for all of it")
	.addHelpText(
		"after",
		`
Examples:
  $ warmpath simulator --port 9100 --deployments 3
  $ warmpath simulator --aws 2 --google 1         two AWS accounts and a Google project besides
  $ warmpath simulator --aws 2 --write-config simulated.yaml
                                                  then: warmpath --config simulated.yaml
  $ curl http://127.0.0.1:9100/_sim/report        what each cache saw
  $ open http://127.0.0.1:9100/_sim               the same as a page

In a gateway configuration, give a deployment
  model: anthropic/claude-sonnet-5-5
  api_base: http://127.0.0.1:9100
  api_key: sk-sim-1`,
	)
	.action(async (options: import("./commands/simulate.ts").SimulateOptions) => {
		const { simulateCommand } = await import("./commands/simulate.ts");
		await simulateCommand(options);
	});

program
	.command("claude")
	.description("start Claude Code against the running gateway, with the right environment")
	.argument("[args...]", "passed to claude as they are")
	.option("--gateway <url>", "the gateway's address", process.env["WARMPATH_URL"] ?? "http://127.0.0.1:4000")
	.option("--model <name>", "model group to use (default: the first one the gateway lists)")
	.option("--key <key>", "the gateway's key (default: WARMPATH_KEY, ANTHROPIC_AUTH_TOKEN or the master key's variable)")
	.passThroughOptions()
	.allowUnknownOption()
	.addHelpText(
		"after",
		`
Examples:
  $ warmpath claude                               interactive, against http://127.0.0.1:4000
  $ warmpath claude -p "what does this repo do?"
  $ warmpath claude --gateway https://gw.example.com --key sk-team --model claude-code -- --resume`,
	)
	.action(async (args: string[], options: { gateway: string; model?: string; key?: string }) => {
		const { claudeCommand } = await import("./commands/claude.ts");
		process.exitCode = await claudeCommand(args, options);
	});

program
	.command("replay")
	.description(
		"what each way of routing would have made of a recorded workload: hit ratio, dollars, 429s; how many keys you need",
	)
	.argument("<trace>", "a recorded workload, .jsonl or .jsonl.gz, such as 'warmpath db export' writes")
	.option("--deployments <n>", "deployments, each with a cache and limits of its own", positiveNumber, 8)
	.option("--itpm <tokens>", "uncached input tokens a minute that each admits (default: no limit)", positiveNumber)
	.option("--rpm <requests>", "requests a minute that each admits (default: no limit)", positiveNumber)
	.option("--density <n>", "times every session runs", positiveNumber, 1)
	.option("--gateways <n>", "gateways; each request comes to any of them", positiveNumber, 1)
	.addOption(
		new Option("--table <kind>", "what several gateways know of each other")
			.choices(["separate", "shared"])
			.default("separate"),
	)
	.option("--table-delay <ms>", "how long what one gateway publishes takes to the others", milliseconds, 5)
	.addOption(
		new Option("--head <kind>", "shared: all sessions have the same tools and system")
			.choices(["own", "shared"])
			.default("own"),
	)
	.addOption(
		new Option("--policies <names>", "ways of routing to compare, comma-separated")
			.argParser((names: string) => names.split(","))
			.default(["all"], "all"),
	)
	.option("--model <name>", "model of every request, for its price; 'recorded' = as the trace says", "claude-sonnet-5")
	.option("--sessions-per-hour <n>", "start rate, for traces without a common clock", positiveNumber, 72)
	.option("--seed <n>", "for everything random", positiveNumber, 1)
	.option("--json", "machine-readable")
	.option("--report <file>", "also write an HTML page with charts")
	.addHelpText(
		"after",
		`
Examples:
  $ warmpath replay trace.jsonl.gz
  $ warmpath replay trace.jsonl.gz --deployments 4 --itpm 450000 --policies warmpath,session-affinity
  $ warmpath replay trace.jsonl.gz --density 2 --report replay.html
  $ warmpath replay november.jsonl --model recorded       a log that 'warmpath db export' wrote
  $ warmpath replay trace.jsonl.gz --json | jq '.policies[] | {policy, hitRatio}'`,
	)
	.action(async (trace: string, options: ReplayFlags) => {
		const { REPLAY_DEFAULTS, processIo, replayCommand } = await import("./commands/replay.ts");
		const { json, ...given } = options;
		process.exitCode = await replayCommand(
			trace,
			{ ...REPLAY_DEFAULTS, ...given, format: json === true ? "json" : "table" },
			processIo(),
		);
	});

type ReplayFlags = Partial<Omit<import("./commands/replay.ts").ReplayOptions, "format">> & { readonly json?: boolean };

const keys = program
	.command("keys")
	.description("virtual keys: make, show, block and replace them; a running gateway knows within a second")
	.addHelpText(
		"after",
		`
Examples:
  $ warmpath keys create --alias laptop --models claude-code --max-budget 50 --budget-duration 30d
  $ warmpath keys create --alias ci --team platform --type llm_api --duration 90d
  $ warmpath keys list
  $ warmpath keys block laptop
  $ warmpath keys regenerate laptop

Without --config the database is the one in the user's data folder (WARMPATH_HOME moves it).`,
	);

addKeysCommands(keys);

const db = program
	.command("db")
	.description("the database of the request log and the keys: bring it up to date, look at it, export it")
	.addHelpText(
		"after",
		`
Examples:
  $ warmpath db status
  $ warmpath db export --from 2026-11-01 --output november.jsonl
  $ warmpath replay november.jsonl --model recorded    what other ways of routing would have made of it
  $ warmpath db migrate --config config.yaml           (serve does the same when it starts)

Without --config the database is the one in the user's data folder (WARMPATH_HOME moves it).`,
	);

addDbCommands(db);

try {
	await program.parseAsync();
} catch (error) {
	process.stderr.write(`warmpath: ${sentenceOf(error)}\n`);
	process.exitCode = 1;
}

function sentenceOf(error: unknown): string {
	if (!(error instanceof Error)) return String(error);
	const { code, address, port } = error as NodeJS.ErrnoException & {
		readonly address?: string;
		readonly port?: number;
	};
	if (code === "EADDRINUSE") return `port ${port} of ${address} is taken. Choose another one with --port.`;
	if (code === "EACCES" && port !== undefined)
		return `listening on port ${port} is not allowed. Choose one from 1024 on.`;
	return error.message;
}
