#!/usr/bin/env python3
"""An MLP on digits: trained by PyTorch on real handwriting, run as a document on what was held out.

The picture digits.svg shows the first of them with what the document says; wrong ones in red.
"""

import torch
from commands import folder, isomer, need
from safetensors.torch import load_file, save_file
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn


def data():
    digits = load_digits()
    images = torch.tensor(digits.images, dtype=torch.float32).flatten(1) / 16
    labels = torch.tensor(digits.target)
    return train_test_split(images, labels, test_size=0.2, stratify=labels, random_state=0)


def jittered(images):
    """Turned, stretched and moved a little, as hands do."""
    count = len(images)
    turn, size, move = (
        0.15 * torch.randn(count),
        1 + 0.08 * torch.randn(count),
        torch.randn(2, count),
    )
    rows = [
        torch.stack([size * turn.cos(), -turn.sin(), 0.08 * move[0]], 1),
        torch.stack([turn.sin(), size * turn.cos(), 0.08 * move[1]], 1),
    ]
    shape = (count, 1, 8, 8)
    grid = nn.functional.affine_grid(torch.stack(rows, 1), shape, align_corners=False)
    return nn.functional.grid_sample(images.view(shape), grid, align_corners=False).flatten(1)


def train(model, images, labels, epochs=80, batch=64):
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(epochs):
        for chosen in torch.randperm(len(images)).split(batch):
            answers = model(jittered(images[chosen]))
            loss = nn.functional.cross_entropy(answers, labels[chosen], label_smoothing=0.05)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        schedule.step()


def picture(images, labels, answers, columns=15, size=8, pixel=5):
    """SVG of images in rows, with the answers below them."""
    parts = []
    step = size * pixel + 10
    for i, (image, label, answer) in enumerate(zip(images, labels, answers)):
        x, y = i % columns * step, i // columns * (step + 18)
        for place, value in enumerate(image.tolist()):
            grey = round(255 * (1 - value))
            at = f'x="{x + place % size * pixel}" y="{y + place // size * pixel}"'
            parts.append(
                f'<rect {at} width="{pixel}" height="{pixel}" fill="rgb({grey},{grey},{grey})"/>'
            )
        color = "#188855" if label == answer else "#cc3355"
        parts.append(
            f'<text x="{x + step // 2 - 8}" y="{y + step + 6}" fill="{color}">{int(answer)}</text>'
        )
    rows = -(-len(images) // columns)
    frame = f'width="{columns * step}" height="{rows * (step + 18)}" font-family="sans-serif"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {frame}>{"".join(parts)}</svg>\n'


def main():
    folder()
    torch.manual_seed(0)
    seen, held_out, seen_labels, labels = data()
    model = nn.Sequential(
        nn.Linear(64, 128), nn.ReLU(), nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, 10)
    )
    train(model, seen, seen_labels)
    torch.export.save(torch.export.export(model.eval(), (held_out,)), "digits.pt2")
    isomer("convert", "digits.pt2", "-o", "digits.json")
    save_file({"in0": held_out}, "digits.safetensors")
    isomer("run", "digits.json", "--inputs", "digits.safetensors", "-o", "answers.safetensors")
    answers = load_file("answers.safetensors")["out0"].argmax(1)
    right = int((answers == labels).sum())
    share = right / len(labels)
    need(f"{right} of {len(labels)} digits are right, {100 * share:.1f} %", share >= 0.98)
    with open("digits.svg", "w") as file:
        file.write(picture(held_out[:60], labels, answers))


if __name__ == "__main__":
    main()
