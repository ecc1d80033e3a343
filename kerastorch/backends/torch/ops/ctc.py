"""Connectionist temporal classification by torch."""

import torch
import torch.nn.functional as F

from kerastorch import ops
from kerastorch.ops import ctc


def ctc_loss(target, output, target_length, output_length, mask_index):
    steps = F.log_softmax(output, -1).transpose(0, 1)
    blank = mask_index % output.shape[-1]
    return F.ctc_loss(steps, target.long(), output_length.long(), target_length.long(), blank, reduction="none")


HASH = 6364136223846793005  # an odd factor, by which a prefix's number follows from its parent's (Knuth, 1997)


def ctc_beams(inputs, sequence_lengths, beam_width, top_paths, mask_index):
    """Prefix beam search (Graves, 2012) for all sequences and beams at once, step by step.

    A beam is a prefix of labels with the logarithms of the probabilities that it ends in the mask and that it ends in a label.
    """
    batch, steps, classes = inputs.shape
    blank, width = mask_index % classes, max(beam_width, top_paths)
    scores = F.log_softmax(inputs, -1)
    whole = inputs.new_zeros((batch, width), dtype=torch.long)
    prefixes = whole.new_full((batch, width, steps), -1)
    length, number, parent, last = whole, whole, whole - 1, whole - 1
    in_label = scores.new_full((batch, width), -torch.inf)
    in_mask = in_label.clone()
    in_mask[:, 0] = 0
    for t in range(steps):
        score = scores[:, t, None]  # (batch, 1, classes)
        total = torch.logaddexp(in_mask, in_label)
        same = last.clamp(min=0).unsqueeze(-1)
        again = score.expand(-1, width, -1).gather(2, same).squeeze(-1)
        # Each prefix with each class behind it. A class that is there already needs a mask between.
        longer = total.unsqueeze(-1) + score
        longer[..., blank] = -torch.inf
        longer.scatter_(2, same, torch.where(last.unsqueeze(-1) < 0, longer.gather(2, same), (in_mask + again).unsqueeze(-1)))
        # Where that is another beam's prefix, it adds to that beam: child[b, i, j] says that beam j is beam i with one label more.
        child = (number.unsqueeze(2) == parent.unsqueeze(1)) & (total > -torch.inf).unsqueeze(1)
        label = last.clamp(min=0).unsqueeze(1).expand(-1, width, -1)
        joined = torch.where(child, longer.gather(2, label), -torch.inf).amax(1)
        taken = torch.zeros_like(longer).scatter_add_(2, label, child.to(longer.dtype)) > 0
        longer = longer.masked_fill(taken, -torch.inf)
        stays_label = torch.logaddexp(torch.where(last < 0, -torch.inf, in_label + again), joined)
        stays_mask = total + score[..., blank]
        each = torch.cat([torch.logaddexp(stays_mask, stays_label), longer.flatten(1)], 1)
        best = each.topk(width, 1).indices
        grown = best >= width
        source = torch.where(grown, (best - width) // classes, best)
        label = (best - width) % classes
        going = (t < sequence_lengths)[:, None]
        source = torch.where(going, source, torch.arange(width, device=source.device))
        grown = grown & going

        def chosen(x, source=source):
            return x.gather(1, source)

        new_label = torch.where(grown, longer.flatten(1).gather(1, (best - width).clamp(min=0)), chosen(stays_label))
        new_mask = torch.where(grown, -torch.inf, chosen(stays_mask))
        in_label, in_mask = torch.where(going, new_label, in_label), torch.where(going, new_mask, in_mask)
        prefixes = prefixes.gather(1, source.unsqueeze(-1).expand(-1, -1, steps))
        at = chosen(length).clamp(max=steps - 1).unsqueeze(-1)
        prefixes.scatter_(2, at, torch.where(grown.unsqueeze(-1), label.unsqueeze(-1), prefixes.gather(2, at)))
        length = chosen(length) + grown
        parent = torch.where(grown, chosen(number), chosen(parent))
        number = torch.where(grown, chosen(number) * HASH + label + 1, chosen(number))
        last = torch.where(grown, label, chosen(last))
    found = torch.logaddexp(in_mask, in_label).topk(top_paths, 1)
    labels = prefixes.gather(1, found.indices.unsqueeze(-1).expand(-1, -1, steps))
    return labels.transpose(0, 1).to(torch.int32), found.values


TABLE = {
    ops.ctc_loss: ctc_loss,
    ctc.ctc_beams: ctc_beams,
}
SCALARS: set = set()
