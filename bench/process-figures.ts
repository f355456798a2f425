// What the operating system knows of a process: memory, CPU time, open files. Linux only; null elsewhere.
import { readdirSync, readFileSync } from "node:fs";

export interface ProcessFigures {
	readonly rssMb: number;
	/** What it has of its own: heap, buffers, SQLite's cache; not the files it has mapped. */
	readonly anonymousMb: number;
	/** The most it ever was. */
	readonly peakRssMb: number;
	/** User and system time since the start, ms; counted in steps of 10 ms. */
	readonly cpuMs: number;
	/** The same of its first thread, exact: the one that serves requests, in Node. Null where the kernel does not say. */
	readonly mainThreadMs: number | null;
	readonly openFiles: number;
}

/** Linux counts CPU time in hundredths of a second on every common architecture. */
const TICK_MS = 10;

export function processFigures(pid: number): ProcessFigures | null {
	try {
		const status = readFileSync(`/proc/${pid}/status`, "utf8");
		const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
		// The command's name, in parentheses, may hold spaces; utime and stime are the 14th and 15th field.
		const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
		return {
			rssMb: kilobytes(status, "VmRSS") / 1024,
			anonymousMb: kilobytes(status, "RssAnon") / 1024,
			peakRssMb: kilobytes(status, "VmHWM") / 1024,
			mainThreadMs: mainThreadMs(pid),
			cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
			openFiles: readdirSync(`/proc/${pid}/fd`).length,
		};
	} catch {
		return null;
	}
}

/** Some kernels are built without it. */
function mainThreadMs(pid: number): number | null {
	try {
		return Number(readFileSync(`/proc/${pid}/task/${pid}/schedstat`, "utf8").split(" ")[0]) / 1e6;
	} catch {
		return null;
	}
}

function kilobytes(status: string, name: string): number {
	return Number(new RegExp(`${name}:\\s+(\\d+)`).exec(status)?.[1] ?? Number.NaN);
}
