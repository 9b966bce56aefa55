# SPDX-License-Identifier: Apache-2.0
{
  'variables': {'shared_name%': 'unused'},
  'target_defaults': {
    'default_configuration': 'Release',
    'configurations': {
      'Debug': {'cflags': ['-g'], 'defines': ['DEBUG']},
      'Release': {'cflags': ['-O2']},
    },
  },
}
