"""Advice on what to try next, from the diagnostics of a run."""

import math

from mosaickd_tf.config import declared

FEW_CLASSES = 0.5  # of the largest possible number
RARE = 0.2  # of an even share of the images
ONE_BIT = -1.0  # class balance, in bits: two classes used evenly
DISTINGUISHED = 0.8  # of ln 2
UNSURE = 0.5  # of the largest possible entropy
UNLEARNED = 0.5  # of the distillation loss at the first evaluation that recorded it
KNOWN = 0.01  # nats of disagreement that the generator still finds
FALLEN = 0.03  # of accuracy on the validation split, from its best
RISING = 0.01  # of accuracy in the last fifth of the rounds
BEHIND = 0.1  # of accuracy on the test split, from the teacher


def advice(rows, result):
    """Lists what is wrong with a run and which flag to change, worst first.

    Args:
        rows: rows of the method's metrics.jsonl.
        result: the content of result.json.

    Returns:
        Sentences, each with its number, the threshold and a flag; none when all is well.
    """
    if not rows:
        return []
    found = [check(rows, result) for check in CHECKS]
    return [sentence for sentence in found if sentence]


def effective_classes(counts):
    """Returns the number of classes of even size with the entropy of these counts."""
    shares = [count / sum(counts) for count in counts if count]
    return math.exp(-sum(share * math.log(share) for share in shares))


def _diverged(rows, result):
    """Checks for divergence during training, and reports the reaction."""
    events, skipped = result.get("divergence"), result.get("skipped_updates")
    if not events and not skipped:
        return None
    parts = [f"round {e['round']:,}: {e['words']}; {e['done']}" for e in events or ()]
    text = "; ".join(parts)
    if skipped:
        text = ". ".join(filter(None, (text, f"{skipped:,} updates were not finite and skipped")))
    return (
        f"Training diverged ({text}). Lower the learning rate of the student: "
        f"{_scaled(result, 'student_learning_rate', 0.5)}, or of the generator: "
        f"{_scaled(result, 'generator_learning_rate', 0.5)}"
    )


def _collapsed(rows, result):
    """Checks for few classes among the synthetic images."""
    without = "The method has no term against that: choose one that has, --method=dfq"
    remedy = _more_balance(result) or without
    counts = rows[-1].get("synthetic_classes")
    if counts:
        possible = min(len(counts), sum(counts))
        effective = effective_classes(counts)
        if effective < FEW_CLASSES * possible:
            return (
                f"The synthetic images fall into few classes: effectively {effective:.1f} of "
                f"{possible}, below {FEW_CLASSES * possible:g}. {remedy}"
            )
        return None
    balance = rows[-1].get("class_balance_loss")
    if balance is not None and balance > ONE_BIT:
        return (
            f"The synthetic images fall into few classes: the class balance loss is "
            f"{balance:.2f} bits, above {ONE_BIT:g}. {remedy}"
        )
    return None


def _rare(rows, result):
    """Checks for single classes that hardly occur, though most do."""
    counts = rows[-1].get("synthetic_classes")
    if not counts or effective_classes(counts) < FEW_CLASSES * min(len(counts), sum(counts)):
        return None
    limit = RARE * sum(counts) / len(counts)
    rare = [number for number, count in enumerate(counts) if count < limit]
    if not rare or limit < 1:  # with so few images classes are missing by chance
        return None
    numbers = ", ".join(map(str, rare[:5])) + (", ..." if len(rare) > 5 else "")
    remedies = (_more_balance(result), f"train for longer: {_scaled(result, 'rounds', 2)}")
    remedy = ", or ".join(filter(None, remedies))
    return (
        f"{len(rare)} of {len(counts)} classes hardly occur among the synthetic images (class "
        f"number {numbers}): fewer than {limit:.1f} of {sum(counts)} images, {RARE:g} of an even "
        f"share. {remedy[0].upper()}{remedy[1:]}"
    )


def _patches_distinguished(rows, result):
    """Checks for a discriminator that distinguishes all patches."""
    divergence, limit = rows[-1].get("patch_divergence"), DISTINGUISHED * math.log(2)
    if divergence is None or divergence < limit:
        return None
    size = result["config"]["patch_size"]
    return (
        f"The discriminator distinguishes synthetic from OOD patches: their divergence is "
        f"{divergence:.3f} nats, above {limit:.3f} of at most 0.693. Use smaller patches: "
        f"--patch_size={max(1, round(0.7 * size))} (now {size}), or raise the weight of the local "
        f"term: {_scaled(result, 'local_weight', 2)}"
    )


def _unsure(rows, result):
    """Checks for a teacher that is unsure of the synthetic images."""
    entropy, counts = (
        rows[-1].get("label_space_alignment_loss"),
        rows[-1].get("synthetic_classes"),
    )
    flag = _flag_of("label_space_alignment_loss", result)
    if entropy is None or not counts or len(counts) < 2 or not flag:
        return None
    multi_label = result.get("task") == "multi_label"  # then entropies of labels are summed
    limit = UNSURE * (len(counts) * math.log(2) if multi_label else math.log(len(counts)))
    if entropy < limit:
        return None
    most = f"{len(counts)} ln(2)" if multi_label else f"ln({len(counts)})"
    found = (
        f"The teacher is unsure of the synthetic images: its entropy is {entropy:.2f} nats, above "
        f"{limit:.2f}, half of {most}. "
    )
    bits, batch = -rows[-1].get("class_balance_loss", 0.0), result["config"]["batch_size"]
    reachable = math.log2(min(batch, len(counts)))
    if bits > reachable and not multi_label:  # the mean of sure predictions is not as even
        return found + (
            f"The class balance of {bits:.2f} bits forces that: {batch} sure predictions have at "
            f"most {reachable:.2f}. Use larger batches: --batch_size={4 * batch} (now {batch})"
        )
    found += f"Raise the weight of that entropy: {_scaled(result, flag, 2)}"
    if rows[-1].get("local_patch_loss") is None:
        return found
    return f"{found}, or lower that of the patches: {_scaled(result, 'local_weight', 0.5)}"


def _unlearned(rows, result):
    """Checks for a student that does not learn from the teacher."""
    losses = [row["distillation_loss"] for row in rows if "distillation_loss" in row]
    if len(losses) < 3 or losses[-1] < UNLEARNED * losses[0]:
        return None
    return (
        f"The student does not learn: its distillation loss went from {losses[0]:.3f} to "
        f"{losses[-1]:.3f} nats, not below {UNLEARNED:g} of the first. Give it more updates: "
        f"{_scaled(result, 'student_steps_per_round', 2)}, or another learning rate: "
        f"{_scaled(result, 'student_learning_rate', 0.5)}"
    )


def _nothing_new(rows, result):
    """Checks for a generator that finds no images on which the student is wrong."""
    adversarial, flag = rows[-1].get("adversarial_loss"), _flag_of("adversarial_loss", result)
    if adversarial is None or -adversarial > KNOWN or not flag or not result["config"][flag]:
        return None
    return (
        f"The generator finds no images that are new to the student: on them it differs from the "
        f"teacher by {-adversarial:.4f} nats, below {KNOWN:g}. Raise the weight of the adversarial "
        f"term: {_scaled(result, flag, 2)}"
    )


def _fallen(rows, result):
    """Checks for an accuracy that was better before the end."""
    last, best = rows[-1], max(rows, key=lambda row: row.get("validation_accuracy") or 0)
    highest, end = best.get("validation_accuracy"), last.get("validation_accuracy")
    if highest is None or end is None or highest - end < FALLEN:
        return None
    return (
        f"The accuracy on the validation split fell from {highest:.4f} in round "
        f"{best['round']:,} to {end:.4f}, by more than {FALLEN:g}. Lower the learning rate of the "
        f"student: {_scaled(result, 'student_learning_rate', 0.5)}"
    )


def _rising(rows, result):
    """Checks for an accuracy that still grows at the end."""
    last = rows[-1]
    before = [row for row in rows if row["round"] <= 0.8 * last["round"]]
    if not before or last.get("validation_accuracy") is None:
        return None
    gain = last["validation_accuracy"] - before[-1]["validation_accuracy"]
    if gain < RISING:
        return None
    return (
        f"The accuracy on the validation split still grew by {gain:.4f} since round "
        f"{before[-1]['round']:,}, more than {RISING:g}. Train for longer: "
        f"{_scaled(result, 'rounds', 2)}"
    )


def _no_better(rows, result):
    """Checks for a baseline that is as accurate."""
    accuracy = result["student"]["accuracy"]
    for baseline in result["baselines"]:
        other = baseline["accuracy"]
        if accuracy is not None and other is not None and other >= accuracy:
            return (
                f"{baseline['method']} is as accurate on the test split: {other:.4f} against "
                f"{accuracy:.4f}. Follow the advice above first, or choose "
                f"--method={baseline['method']}"
            )
    return None


def _behind(rows, result):
    """Checks for a student that is far less accurate than its teacher."""
    student, teacher = result["student"]["accuracy"], result["teacher"]["accuracy"]
    if student is None or teacher is None or teacher - student < BEHIND:
        return None
    return (
        f"The student is {teacher - student:.4f} less accurate than the teacher, more than "
        f"{BEHIND:g}. If nothing else helps, choose a larger --student (now "
        f"{result['config']['student']})"
    )


CHECKS = (
    _diverged,
    _collapsed,
    _rare,
    _patches_distinguished,
    _unsure,
    _nothing_new,
    _unlearned,
    _fallen,
    _rising,
    _no_better,
    _behind,
)


def _more_balance(result):
    """Returns the remedy for uneven classes; "" for a method without such a term."""
    flag = _flag_of("class_balance_loss", result)
    return flag and f"Raise the weight of the class balance: {_scaled(result, flag, 2)}"


def _flag_of(term, result):
    """Returns the flag that weights a term of the run's method, or "" where it has none."""
    declared_term = declared.methods()[result["method"]].term(term)
    return declared_term.flag if declared_term else ""


def _scaled(result, flag, factor):
    """Returns a flag with its value times a factor, and its present value, as text."""
    now = result["config"][flag]
    if isinstance(now, int):
        return f"--{flag}={max(1, round(now * factor))} (now {now})"
    return f"--{flag}={now * factor or 1.0:g} (now {now:g})"
