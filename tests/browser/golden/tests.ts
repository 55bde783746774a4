/** Tests of golden cases that run in a page. */
import "../../golden/forward_test.ts";
import "../../golden/generate_test.ts";
import "../../golden/gradients_test.ts";
import "../../golden/ppo_test.ts";
import "../../golden_causal/classifiers_test.ts";
import "../../golden_causal/dpo_test.ts";
import "../../golden_causal/forward_test.ts";
import "../../golden_causal/generate_test.ts";
import "../../golden_causal/gradients_test.ts";
import "../../golden_causal/grpo_test.ts";
import "../../golden_causal/ppo_test.ts";
import "../../golden_causal/reward_training_test.ts";
import "../../golden_causal/rloo_test.ts";
