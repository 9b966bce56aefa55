// SPDX-License-Identifier: Apache-2.0
import { describe, it } from 'node:test';
import { strict as assert } from 'node:assert';
it('passes', () => {});
it('fails', () => assert.equal(1, 2));
it('skips', { skip: 'later' }, () => {});
it('todo', { todo: true }, () => assert.equal(1, 2));
describe('suite', () => { it('inner fails', () => assert.equal(1, 2)); });
