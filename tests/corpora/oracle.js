// SPDX-License-Identifier: Apache-2.0
// Reads reports with other people's readers and prints one JSON line a file.
// usage: node oracle.js junit2json|tap-parser < LIST_OF_FILES
import { readFileSync } from 'node:fs';

const kinds = {
    'junit2json': async () => {
        const { parse } = await import('junit2json');
        return async file => {
            const count = { cases: 0, bad: 0, skipped: 0 };
            const has = value => value !== undefined && !(Array.isArray(value) && value.length === 0);
            const visit = suite => {
                for (const c of suite.testcase ?? []) {
                    count.cases++;
                    count.bad += has(c.failure) || has(c.error) ? 1 : 0;
                    count.skipped += has(c.skipped) ? 1 : 0;
                }
                for (const inner of suite.testsuite ?? []) visit(inner);
            };
            const root = await parse(readFileSync(file));
            if (root) visit(root);
            return count;
        };
    },
    'tap-parser': async () => {
        const { Parser } = await import('tap-parser');
        return async file => {
            const count = { cases: 0, failed: 0, skipped: 0, ok: false };
            // A subtest's points count, the point that sums it up does not: as ours.
            const watch = parser => {
                let inner = false;
                parser.on('child', child => { inner = true; watch(child); });
                parser.on('assert', point => {
                    if (inner) { inner = false; return; }
                    count.cases++;
                    if (point.skip || point.todo) count.skipped += point.skip || !point.ok ? 1 : 0;
                    else if (!point.ok) count.failed++;
                });
            };
            const parser = new Parser();
            watch(parser);
            const done = new Promise(resolve => parser.on('complete', resolve));
            parser.end(readFileSync(file, 'utf8'));
            const results = await done;
            count.ok = results.ok;
            return count;
        };
    },
};

const read = await kinds[process.argv[2]]();
for (const file of readFileSync(0, 'utf8').split('\n').filter(Boolean)) {
    let answer;
    try {
        answer = { file, ...await read(file) };
    } catch (error) {
        answer = { file, error: String(error.message ?? error).split('\n')[0] };
    }
    console.log(JSON.stringify(answer));
}
