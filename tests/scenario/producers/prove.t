# SPDX-License-Identifier: Apache-2.0
use strict;
use warnings;
use Test::More;
ok(1, 'passes');
ok(0, 'fails');
SKIP: { skip 'later', 1; }
TODO: { local $TODO = 'not yet'; ok(0, 'todo'); }
done_testing(4);
