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
 * @typedef {object} Remark
 * @property {string} code
 * @property {string} message
 *
 * @typedef {object} VariantEstimate
 * @property {string} variant
 * @property {number} trials
 * @property {number} successes
 * @property {number | null} rate
 * @property {number | null} low
 * @property {number | null} high
 * @property {number | null} counter_share
 * @property {number | null} chance_best
 * @property {string} [reason]
 *
 * @typedef {object} Evidence the results of a method for a comparison
 * @property {number | null} difference_low
 * @property {number | null} difference_high
 * @property {number | null} lift_low
 * @property {number | null} lift_high
 * @property {number | null} p_value
 * @property {number | null} adjusted_p_value
 * @property {string} [reason]
 *
 * @typedef {object} SampleNeeded
 * @property {number | null} per_variant
 * @property {number | null} per_variant_always_valid
 *
 * @typedef {object} ComparisonMembers
 * @property {string} variant
 * @property {number | null} difference
 * @property {number | null} lift
 * @property {number | null} chance_to_beat
 * @property {number | null} expected_loss
 * @property {number | null} counter_share
 * @property {number | null} power
 * @property {SampleNeeded} sample_needed
 * @typedef {Evidence & ComparisonMembers} Comparison
 *
 * @typedef {(number | null)[][]} Square a row against a column
 *
 * @typedef {object} Matrix
 * @property {Square | null} chance_to_beat
 * @property {Square | null} expected_loss
 * @property {Square} lift
 * @property {Square} p_value
 * @property {string} [reason]
 *
 * @typedef {object} GoalAnalysis
 * @property {string} goal
 * @property {boolean} primary
 * @property {"proportion" | "rate"} kind
 * @property {Verdict} verdict
 * @property {VariantEstimate[]} variants
 * @property {Comparison[]} against_control
 * @property {Matrix} matrix
 *
 * @typedef {object} SampleRatio
 * @property {number | null} p_value
 * @property {boolean} alarm
 * @property {number[] | null} expected
 * @property {string} [reason]
 *
 * @typedef {object} Analysis
 * @property {Verdict} verdict
 * @property {Remark[]} warnings
 * @property {Remark[]} notes
 * @property {string | null} control
 * @property {number} level
 * @property {"hll" | "exact"} counter
 * @property {number} minimum_lift
 * @property {string} correction
 * @property {"always_valid" | "sequential" | "fixed"} method
 * @property {string} method_explanation
 * @property {SampleRatio} sample_ratio
 * @property {GoalAnalysis[]} goals
 *
 * @typedef {{label: string, trials: number}} VariantResults
 * @typedef {{label: string, successes: number, trials: number}} VariantCount
 * @typedef {{goal: string, results: VariantCount[]}} GoalResults
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
 * @typedef {object} HistoryRow the lift of one variant for one goal at the end of each day
 * @property {string} goal
 * @property {string} variant
 * @property {(number | null)[]} lift
 * @property {(number | null)[]} low
 * @property {(number | null)[]} high
 * @typedef {{days: string[], rows: HistoryRow[]}} History
 *
 * @typedef {object} Experiment
 * @property {string} experiment
 * @property {VariantResults[]} variants
 * @property {GoalResults[]} goals
 * @property {"hll" | "exact"} counting
 * @property {Analysis} [analysis] absent if the server is older than the page
 * @property {Timeline} [timeline] absent if the server stores no days
 * @property {History} [history] present if requested
 *
 * @typedef {object} Session
 * @property {string} namespace
 * @property {string} [track] the URL that browsers send events to, if it is not on the page's own host
 */

export {}
