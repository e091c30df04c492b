"""What to try next, from the signs that a run leaves."""

import math

FEW_CLASSES = 0.5  # of as many as there could be
RARE = 0.2  # of an even share of the images
ONE_BIT = -1.0  # class balance, in bits: two classes used evenly
TOLD_APART = 0.8  # of ln 2
UNSURE = 0.5  # of ln(classes)
UNLEARNED = 0.5  # of the distillation loss at the first evaluation in which it was recorded
KNOWN = 0.01  # nats of disagreement that the generator still finds
FALLEN = 0.03  # of accuracy on the validation part, from its best
RISING = 0.01  # of accuracy in the last fifth of the rounds
BEHIND = 0.1  # of accuracy on the test part, from the teacher
# The flags of terms that several methods have, each under a name of its own.
_BALANCE = {
    "mosaic": "balance_weight",
    "dafl": "dafl_balance_weight",
    "dfq": "dfq_balance_weight",
}
_SURENESS = {"mosaic": "align_weight", "dfq": "dfq_entropy_weight"}
_DISAGREEMENT = {"mosaic": "adversarial_weight", "dfq": "dfq_adversarial_weight"}


def advice(rows, result):
    """What is wrong with a run and which flag to change, worst first.

    Args:
        rows: rows of the method's metrics.jsonl.
        result: the content of result.json.

    Returns:
        Sentences, each with its number, the threshold and a flag; none when no sign is bad.
    """
    if not rows:
        return []
    found = [sign(rows, result) for sign in SIGNS]
    return [sentence for sentence in found if sentence]


def effective_classes(counts):
    """How many classes of even size would have the entropy of these counts."""
    shares = [count / sum(counts) for count in counts if count]
    return math.exp(-sum(share * math.log(share) for share in shares))


def _went_wrong(rows, result):
    """Numbers that went wrong on the way, and what was done."""
    events, skipped = result.get("divergence"), result.get("skipped_updates")
    if not events and not skipped:
        return None
    told = "; ".join(f"round {e['round']:,}: {e['words']}; {e['done']}" for e in events or ())
    left_out = f"{skipped:,} updates were not finite and were left out" if skipped else ""
    said = ". ".join(filter(None, (told, left_out)))
    return (
        f"Numbers went wrong on the way ({said}). Lower the student's rate: "
        f"{_more(result, 'student_learning_rate', 0.5)}, or that of the generator: "
        f"{_more(result, 'generator_learning_rate', 0.5)}"
    )


def _collapse(rows, result):
    """Few classes among the synthetic images."""
    without = "The method has no term against that: take one that has, --method=dfq"
    what_to_do = _more_balance(result) or without
    counts = rows[-1].get("synthetic_classes")
    if counts:
        could_be = min(len(counts), sum(counts))
        there = effective_classes(counts)
        if there < FEW_CLASSES * could_be:
            return (
                f"The synthetic images fall into few classes: effectively {there:.1f} of "
                f"{could_be}, below {FEW_CLASSES * could_be:g}. {what_to_do}"
            )
        return None
    balance = rows[-1].get("class_balance_loss")
    if balance is not None and balance > ONE_BIT:
        return (
            f"The synthetic images fall into few classes: the class balance loss is "
            f"{balance:.2f} bits, above {ONE_BIT:g}. {what_to_do}"
        )
    return None


def _rare(rows, result):
    """Single classes that hardly occur, though most do."""
    counts = rows[-1].get("synthetic_classes")
    if not counts or effective_classes(counts) < FEW_CLASSES * min(len(counts), sum(counts)):
        return None
    limit = RARE * sum(counts) / len(counts)
    rare = [number for number, count in enumerate(counts) if count < limit]
    if not rare or limit < 1:  # of so few images chance leaves classes out
        return None
    named = ", ".join(map(str, rare[:5])) + (", ..." if len(rare) > 5 else "")
    advised = (_more_balance(result), f"play on for longer: {_more(result, 'rounds', 2)}")
    what_to_do = ", or ".join(filter(None, advised))
    return (
        f"{len(rare)} of {len(counts)} classes hardly occur among the synthetic images (class "
        f"number {named}): fewer than {limit:.1f} of {sum(counts)} images, {RARE:g} of an even "
        f"share. {what_to_do[0].upper()}{what_to_do[1:]}"
    )


def _told_apart(rows, result):
    """A discriminator that always wins."""
    divergence, limit = rows[-1].get("patch_divergence"), TOLD_APART * math.log(2)
    if divergence is None or divergence < limit:
        return None
    size = result["config"]["patch_size"]
    return (
        f"The discriminator tells synthetic patches from OOD patches: their divergence is "
        f"{divergence:.3f} nats, above {limit:.3f} of at most 0.693. Show it smaller patches: "
        f"--patch_size={max(1, round(0.7 * size))} (now {size}), or let the generator heed it "
        f"more: {_more(result, 'local_weight', 2)}"
    )


def _unsure(rows, result):
    """A teacher that cannot say what the synthetic images are."""
    entropy, counts = (
        rows[-1].get("label_space_alignment_loss"),
        rows[-1].get("synthetic_classes"),
    )
    flag = _SURENESS.get(result["method"])
    if entropy is None or not counts or len(counts) < 2 or not flag:
        return None
    limit = UNSURE * math.log(len(counts))
    if entropy < limit:
        return None
    found = (
        f"The teacher is unsure of the synthetic images: its entropy is {entropy:.2f} nats, above "
        f"{limit:.2f}, half of ln({len(counts)}). "
    )
    bits, batch = -rows[-1].get("class_balance_loss", 0.0), result["config"]["batch_size"]
    sure = math.log2(min(batch, len(counts)))
    if bits > sure:  # of a batch without doubts the mean cannot be as even as this
        return found + (
            f"The class balance of {bits:.2f} bits asks for that: {batch} sure answers have at "
            f"most {sure:.2f}. Take larger batches: --batch_size={4 * batch} (now {batch})"
        )
    found += f"Raise the weight of that entropy: {_more(result, flag, 2)}"
    if rows[-1].get("local_patch_loss") is None:
        return found
    return f"{found}, or lower that of the patches: {_more(result, 'local_weight', 0.5)}"


def _unlearned(rows, result):
    """A student that does not follow the teacher."""
    losses = [row["distillation_loss"] for row in rows if "distillation_loss" in row]
    if len(losses) < 3 or losses[-1] < UNLEARNED * losses[0]:
        return None
    return (
        f"The student does not follow: its distillation loss went from {losses[0]:.3f} to "
        f"{losses[-1]:.3f} nats, not below {UNLEARNED:g} of the first. Give it more updates: "
        f"{_more(result, 'student_steps_per_round', 2)}, or another rate: "
        f"{_more(result, 'student_learning_rate', 0.5)}"
    )


def _nothing_new(rows, result):
    """A generator that finds no image on which the student is wrong."""
    adversarial, flag = rows[-1].get("adversarial_loss"), _DISAGREEMENT.get(result["method"])
    if adversarial is None or -adversarial > KNOWN or not flag or not result["config"][flag]:
        return None
    return (
        f"The generator shows the student nothing new: they disagree by {-adversarial:.4f} nats, "
        f"below {KNOWN:g}. Raise the weight of the adversarial term: "
        f"{_more(result, flag, 2)}"
    )


def _fallen(rows, result):
    """An accuracy that was better before the end."""
    last, best = rows[-1], max(rows, key=lambda row: row.get("validation_accuracy") or 0)
    there, end = best.get("validation_accuracy"), last.get("validation_accuracy")
    if there is None or end is None or there - end < FALLEN:
        return None
    return (
        f"The accuracy on the validation part fell from {there:.4f} in round {best['round']:,} to "
        f"{end:.4f}, by more than {FALLEN:g}. Lower the student's rate: "
        f"{_more(result, 'student_learning_rate', 0.5)}"
    )


def _rising(rows, result):
    """An accuracy that still grows at the end."""
    last = rows[-1]
    before = [row for row in rows if row["round"] <= 0.8 * last["round"]]
    if not before or last.get("validation_accuracy") is None:
        return None
    gain = last["validation_accuracy"] - before[-1]["validation_accuracy"]
    if gain < RISING:
        return None
    return (
        f"The accuracy on the validation part still grew by {gain:.4f} since round "
        f"{before[-1]['round']:,}, more than {RISING:g}. Play on for longer: "
        f"{_more(result, 'rounds', 2)}"
    )


def _no_better(rows, result):
    """A baseline that does as well."""
    ours = result["student"]["accuracy"]
    for baseline in result["baselines"]:
        theirs = baseline["accuracy"]
        if ours is not None and theirs is not None and theirs >= ours:
            return (
                f"{baseline['method']} does as well on the test part: {theirs:.4f} against "
                f"{ours:.4f}. Mend the signs above first, or take --method={baseline['method']}"
            )
    return None


def _behind(rows, result):
    """A student far from its teacher."""
    ours, theirs = result["student"]["accuracy"], result["teacher"]["accuracy"]
    if ours is None or theirs is None or theirs - ours < BEHIND:
        return None
    return (
        f"The student is {theirs - ours:.4f} less accurate than the teacher, more than {BEHIND:g}. "
        f"When nothing else helps, take a larger --student (now {result['config']['student']})"
    )


SIGNS = (
    _went_wrong,
    _collapse,
    _rare,
    _told_apart,
    _unsure,
    _nothing_new,
    _unlearned,
    _fallen,
    _rising,
    _no_better,
    _behind,
)


def _more_balance(result):
    """What to do for more even classes; None for a method without such a term."""
    flag = _BALANCE.get(result["method"])
    return flag and f"Raise the weight of the class balance: {_more(result, flag, 2)}"


def _more(result, flag, factor):
    """A flag with its value times a factor, and what it is now."""
    now = result["config"][flag]
    if isinstance(now, int):
        return f"--{flag}={max(1, round(now * factor))} (now {now})"
    return f"--{flag}={now * factor or 1.0:g} (now {now:g})"
