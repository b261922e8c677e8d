-- Plan without values. Partitions are not left out either: which ones, only the values would tell.
SELECT set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_partition_pruning', 'off', true)
