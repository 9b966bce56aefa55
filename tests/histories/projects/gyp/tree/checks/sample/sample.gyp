# SPDX-License-Identifier: Apache-2.0
{
  'includes': ['common.gypi'],
  'variables': {'level%': 2},
  'targets': [
    {
      'target_name': 'helper',
      'type': 'static_library',
      'sources': ['helper.c'],
      'conditions': [['level > 1', {'defines': ['DEEP']}]],
    },
    {
      'target_name': 'sample',
      'type': 'executable',
      'dependencies': ['helper'],
      'sources': ['main.c', '<(shared_name).c'],
      'sources!': ['<(shared_name).c'],
      'actions': [{
        'action_name': 'words',
        'inputs': ['main.c'],
        'outputs': ['<(SHARED_INTERMEDIATE_DIR)/words.txt'],
        'action': ['cp', 'main.c', '<(SHARED_INTERMEDIATE_DIR)/words.txt'],
      }],
    },
  ],
}
