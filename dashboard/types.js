// The parts of the API's answers that the page reads. /openapi.json describes all of them.

/**
 * @typedef {"unsound"|"nothing_to_compare"|"too_early"|"no_verdict"|"better"|"worse"|"no_difference"|"keep_running"} Outcome
 *
 * @typedef {object} Verdict
 * @property {Outcome} outcome
 * @property {string | null} goal
 * @property {string | null} variant
 * @property {string} sentence
 *
 * @typedef {"sample_ratio_mismatch"|"control_assumed"|"weights_assumed_equal"|"weights_incomplete"|"too_few_participants"
 *   |"counter_error_dominates"|"counted_as_rate"|"successes_cut"|"no_primary_goal"|"family_not_declared"
 *   |"looks_taken"|"looks_differ"|"looks_reset"|"plan_too_small"|"left_out"|"damaged_document"|"counts_lost"
 *   |"what_if"|"disturbance"|"undeclared"|"negligible_variants"|"names_look_alike"|"periods_separated"|"assignment_mismatch"
 *   |"totals_capped"|"totals_damaged"|"goal_without_participation"|"goals_have_other_units"|"units_in_several_variants"|"burst"} RemarkCode
 *
 * @typedef {object} Remark
 * @property {RemarkCode} code
 * @property {string} message
 *
 * @typedef {"always_valid" | "sequential" | "fixed"} Method
 * @typedef {"primary" | "secondary" | "guardrail" | "counted" | "exploratory"} Family
 * @typedef {"bonferroni" | "benjamini_hochberg" | "none"} Correction
 *
 * @typedef {object} VariantEstimate
 * @property {string} variant
 * @property {number} trials
 * @property {number} successes
 * @property {number} effective_trials
 * @property {number | null} rate for a mean: the mean per participant
 * @property {TotalsReport} [totals] for a mean
 * @property {number | null} low the rate's own interval, for one look
 * @property {number | null} high
 * @property {number | null} counter_share
 * @property {number | null} chance_best
 * @property {string | null} [reason]
 *
 * @typedef {object} TotalsReport
 * @property {number} sum
 * @property {number} sd
 *
 * @typedef {object} SampleNeeded
 * @property {number | null} per_variant
 * @property {number | null} more
 * @property {number | null} per_variant_always_valid
 * @property {number | null} more_always_valid
 * @property {string | null} [reason]
 *
 * @typedef {object} ComparisonLook
 * @property {number} participants
 * @property {number} bound
 * @property {number} standard_error
 *
 * @typedef {object} StrataReport how the periods were compared, if the weights changed
 * @property {number} strata
 * @property {number} left_out
 * @property {number | null} batched_p_value
 *
 * @typedef {object} Comparison a variant against the control, by one method
 * @property {string} variant
 * @property {Family} family
 * @property {Method} method
 * @property {"better" | "worse" | null} decision
 * @property {number | null} lift
 * @property {number | null} lift_low this interval decides
 * @property {number | null} lift_high
 * @property {number | null} interval_level
 * @property {number | null} z
 * @property {number | null} p_value
 * @property {number | null} adjusted_p_value
 * @property {number | null} difference
 * @property {number | null} difference_low
 * @property {number | null} difference_high
 * @property {number | null} chance_to_beat
 * @property {number | null} expected_loss
 * @property {ComparisonLook | null} [look]
 * @property {StrataReport} [strata]
 * @property {number | null} counter_share
 * @property {number | null} power
 * @property {SampleNeeded} sample_needed
 * @property {string | null} [reason]
 *
 * @typedef {(number | null)[][]} Square a row against a column
 *
 * @typedef {object} Matrix
 * @property {Square | null} chance_to_beat
 * @property {Square | null} expected_loss
 * @property {Square} lift
 * @property {Square} p_value
 * @property {string | null} [reason]
 *
 * @typedef {object} GoalAnalysis
 * @property {string} goal
 * @property {boolean} primary
 * @property {"higher" | "lower"} better
 * @property {"proportion" | "rate" | "mean"} kind
 * @property {string} [unit] of a mean, such as EUR
 * @property {Verdict} verdict
 * @property {VariantEstimate[]} variants
 * @property {Comparison[]} against_control
 * @property {Matrix} matrix
 *
 * @typedef {object} SampleRatio
 * @property {boolean} alarm
 * @property {{at: string, e_value: number, variants: {variant: string, participants: number}[]} | null} [raised]
 * @property {number | null} e_value
 * @property {number | null} counter_factor
 * @property {number | null} statistic
 * @property {number | null} p_value
 * @property {number | null} [period_p_value]
 * @property {number[] | null} expected
 * @property {string | null} [reason]
 *
 * @typedef {object} FamilyReport
 * @property {Family} family
 * @property {number} comparisons
 * @property {boolean} declared
 * @property {number} alpha
 * @property {number} tuning
 * @property {number} rho_squared
 *
 * @typedef {object} LookVariant
 * @property {string} variant
 * @property {number} participants
 * @property {number | null} weight
 *
 * @typedef {object} LookFamily
 * @property {Family} family
 * @property {number} comparisons
 * @property {number} alpha
 * @property {number} spent_before
 * @property {number} spent_after
 * @property {number | null} bound
 *
 * @typedef {object} LookFinding
 * @property {number} estimate
 * @property {number} standard_error
 * @property {"log_ratio_of_proportions" | "unknown"} variance
 * @property {number} z
 * @property {number} p_value
 * @property {number} difference
 * @property {number | null} difference_standard_error
 * @property {number | null} cap
 * @property {number[]} strata
 * @property {number} control_participants
 * @property {number} variant_participants
 *
 * @typedef {object} LookComparison
 * @property {string} goal
 * @property {string} variant
 * @property {Family} family
 * @property {LookFinding | null} found
 *
 * @typedef {object} LookRecord
 * @property {number} format
 * @property {number} participants
 * @property {number} planned
 * @property {number} information
 * @property {number} level
 * @property {Correction} correction
 * @property {number} tuning
 * @property {string} control
 * @property {"hll" | "exact"} counter
 * @property {LookVariant[]} variants
 * @property {LookFamily[]} families
 * @property {LookComparison[]} comparisons
 *
 * @typedef {object} Decision
 * @property {string} goal
 * @property {string} variant
 * @property {string} control
 * @property {number} participants
 * @property {number} bound
 * @property {number} z
 * @property {number} lift
 * @property {number} lift_low
 * @property {number} lift_high
 *
 * @typedef {object} LooksReport
 * @property {number} planned
 * @property {LookRecord[]} taken
 * @property {Decision[]} decisions
 *
 * @typedef {object} Analysis
 * @property {Verdict} verdict
 * @property {Remark[]} warnings
 * @property {Remark[]} notes
 * @property {string | null} control
 * @property {number} level
 * @property {"hll" | "exact"} counter
 * @property {number} minimum_lift
 * @property {Correction} correction
 * @property {Method} method
 * @property {string} method_explanation
 * @property {FamilyReport[]} families
 * @property {LooksReport | null} [looks]
 * @property {SampleRatio} sample_ratio
 * @property {GoalAnalysis[]} goals
 *
 * @typedef {object} Summary the verdict in short
 * @property {Outcome} outcome
 * @property {string} sentence
 * @property {string | null} goal null if there is none or if its name is very long
 * @property {string | null} variant as for the goal
 * @property {string | null} control as for the goal
 * @property {boolean} sample_ratio_alarm
 * @property {RemarkCode[]} warnings
 * @property {number} looks how many were taken
 *
 * @typedef {{label: string, trials: number}} VariantResults
 * @typedef {{label: string, successes: number, trials: number}} VariantCount
 * @typedef {object} GoalResults
 * @property {string} goal
 * @property {VariantCount[]} results
 * @property {GoalValues} [values] absent if no event had a value
 *
 * @typedef {object} GoalValues what the totals of units add up to; decimal numbers as strings
 * @property {string} [cap] the cap of each total
 * @property {VariantValues[]} results
 *
 * @typedef {object} VariantValues
 * @property {string} label
 * @property {number} units how many units sent a value
 * @property {string} sum
 * @property {string} sum_of_squares
 * @property {string} largest the largest absolute total that a unit has had, without the cap
 * @property {AllocationValues[]} [allocations] the units whose first value stated an allocation
 *
 * @typedef {{allocation: number, units: number, sum: string, sum_of_squares: string, largest: string}} AllocationValues
 *
 *
 * @typedef {object} Counter one goal of one variant, per day
 * @property {string} goal
 * @property {string} label
 * @property {number[]} new
 *
 * @typedef {object} Timeline
 * @property {string[]} days as 2026-11-20, in UTC
 * @property {Counter[]} counters
 *
 * @typedef {object} AllocationRow
 * @property {string} goal
 * @property {string} label
 * @property {{allocation: number, count: number, mismatches?: number}[]} allocations
 * @property {number} not_stated
 * @typedef {{stated: number, mismatch: number, counters: AllocationRow[]}} Allocations how many uuids were new under each allocation
 *
 * @typedef {object} HistoryRow the lift of one variant for one goal at the end of each day
 * @property {string} goal
 * @property {string} variant
 * @property {(number | null)[]} lift
 * @property {(number | null)[]} low
 * @property {(number | null)[]} high
 * @typedef {{days: string[], rows: HistoryRow[]}} History
 *
 * @typedef {object} StartingValue what a counter held before its events were counted here
 * @property {string} goal
 * @property {string} label
 * @property {number} count
 * @property {"hll" | "exact"} counting
 *
 * @typedef {object} Undeclared
 * @property {string[]} goals
 * @property {string[]} variants
 *
 * @typedef {Record<string, any>} Members the members of a definition; /schemas/experiment.json describes them
 * @typedef {Record<string, [any, any]>} Changed each changed member with its value before and after
 * @typedef {{member: string, rule: string}} Violation
 *
 * @typedef {object} Edited what a change of a definition does
 * @property {string} experiment
 * @property {boolean} stored
 * @property {boolean} created
 * @property {Changed} changed
 * @property {{kind: "targeting" | "traffic" | "pause", sentence: string}[]} disturbances
 * @property {{entering: number, leaving: number, changing: number}} units in percent
 * @property {{member: string, message: string}[]} warnings
 * @property {Members} definition
 *
 * @typedef {object} HistoryChange
 * @property {number} version
 * @property {string} at
 * @property {string} by
 * @property {string | null} actor
 * @property {string | null} why
 * @property {Changed} changed
 * @property {{}} [deleted] what remained, if this change deleted the definition
 *
 * @typedef {object} Explanation what a unit gets in an experiment
 * @property {string} experiment
 * @property {string | null} variant null for the caller's default
 * @property {string} reason
 * @property {boolean} exposure
 * @property {{step: string, finding: string, bucket?: number, decides: boolean}[]} steps in order; the last one decided
 * @property {string | null} to_include what would have to change for the unit to take part
 *
 * @typedef {object} Layer
 * @property {string} name
 * @property {string} id
 * @property {string | null} description
 * @property {number} free in percent
 * @property {{experiment: string, traffic: number, slots: number[][]}[]} holders
 *
 * @typedef {object} Settings the settings of a namespace
 * @property {string} namespace
 * @property {string} hash
 * @property {"any" | "declared"} accept
 * @property {Layer[]} layers
 * @property {{}} defaults
 *
 * @typedef {Settings & {tag: string | null}} TaggedSettings with their version, as the header ETag has it
 *
 * @typedef {object} Experiment
 * @property {string} experiment
 * @property {VariantResults[]} variants
 * @property {GoalResults[]} goals
 * @property {"hll" | "exact"} counting
 * @property {object} [definition] the whole document for one experiment, its main members in the list
 * @property {Undeclared} [undeclared] what was counted and is not in the definition
 * @property {string[]} [what_if] the parameters that replace the definition's plan, if any
 * @property {Summary} [summary] present in the list
 * @property {Analysis} [analysis] present for one experiment, and in the list if requested
 * @property {Timeline} [timeline] absent if the server stores no days
 * @property {History} [history] present if requested
 * @property {Allocations} [allocations] present if an event stated its allocation
 * @property {number} [memory] present if requested
 * @property {StartingValue[]} [starting_values] present if there are any
 *
 * @typedef {object} Session
 * @property {string} namespace
 * @property {"read" | "edit"} role what its holder may do
 * @property {string} [track] the URL that browsers send events to, if it is not on the page's own host
 */

export {}
