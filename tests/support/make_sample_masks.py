"""Draw `sample_masks/`: made-up street scenes, an imperfect model's answer to them, and road cracks.

`python tests/support/make_sample_masks.py [OUT]` rewrites the folder, by default that of the repository. All is drawn
from the numbers below with numpy's frozen `RandomState` stream, so the pixels are the same on every machine.
"""

from __future__ import annotations

import itertools
import math
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
Bytes = NDArray[np.uint8]

CLASSES = {
    "road": (128, 64, 128),
    "sidewalk": (244, 35, 232),
    "building": (70, 70, 70),
    "pole": (153, 153, 153),
    "vegetation": (107, 142, 35),
    "sky": (70, 130, 180),
    "person": (220, 20, 60),
    "car": (0, 0, 142),
    "bicycle": (119, 11, 32),
    "train": (0, 80, 100),
}
ROAD, SIDEWALK, BUILDING, POLE, VEGETATION, SKY, PERSON, CAR, BICYCLE, TRAIN = range(len(CLASSES))
VOID = 255
HEIGHT, WIDTH = 192, 320
FOCAL = 240.0  # pixels
CAMERA = 1.5  # metres above the road
NEVER = math.inf

MULTICLASS = ("0001", "0003", "night/0007")  # the images that have probability maps
LOOKS_LIKE = (  # evidence for the first class is also some for the second
    (ROAD, SIDEWALK, 0.03),
    (SIDEWALK, ROAD, 0.12),
    (BUILDING, VEGETATION, 0.02),
    (VEGETATION, BUILDING, 0.05),
    (PERSON, BICYCLE, 0.05),
    (BICYCLE, PERSON, 0.20),
    (POLE, BUILDING, 0.10),
    (BUILDING, TRAIN, 0.02),
    (CAR, TRAIN, 0.04),
)


@dataclass(frozen=True)
class Thing:
    """Place one object: `x` metres right of the camera, `z` ahead, and `size` in metres as its kind reads it."""

    kind: str
    x: float
    z: float
    size: float = 1.0
    depth: float = 0.0
    above: float = 0.0  # the model sees only what is above this height
    ghost: bool = False  # only the model sees it


@dataclass(frozen=True)
class Scene:
    """Describe one image: widths are in metres, rows and columns in pixels, `confused` are ellipses."""

    key: str
    vanishing: float  # column of the vanishing point
    horizon: float  # its row
    curve: float
    road: tuple[float, float]
    sidewalk: tuple[float, float]
    beyond: int  # the class of the ground behind the sidewalks
    things: str  # "kind x z size depth" each, then "ghost" or "above=metres"; see `Thing`
    confused: tuple[tuple[float, float, float, float, int, int], ...]  # column, row, half axes, true class, class seen
    wobble: float = 2.3  # pixels by which the model's boundaries stray
    noise: float = 1.1


@dataclass(frozen=True)
class View:
    """Hold the columns and rows at which a scene is looked up, and where its vanishing point is."""

    u: Floats
    v: Floats
    vanishing: float
    horizon: float

    def at(self, z: Floats | float) -> tuple[Floats, Floats]:
        """Return metres right of the camera and above the road of every pixel, were it `z` metres away."""
        return (self.u - self.vanishing) * z / FOCAL, CAMERA - (self.v - self.horizon) * z / FOCAL

    def depth_of_wall(self, x: float) -> Floats:
        """Return how far away every pixel is, were it on the plane `x` metres right of the camera."""
        column = self.u - self.vanishing
        return np.where(column * x > 0, x * FOCAL / np.where(column == 0, 1.0, column), NEVER)


Layer = tuple[int, Bools, Floats | float]  # class, where, how far


def disc(x: Floats, y: Floats, x0: float, y0: float, rx: float, ry: float | None = None) -> Bools:
    """Return the pixels within an ellipse."""
    return np.asarray(((x - x0) / rx) ** 2 + ((y - y0) / (ry or rx)) ** 2 < 1)


def car_profile(along: Floats, y: Floats, length: float, slope: float) -> Bools:
    """Return a car's outline seen square on: body, cabin and wheels; `slope` tapers the cabin."""
    half = length / 2
    body = (abs(along) < half - np.maximum(0, 0.5 - y) * 0.3) & (y > 0.2) & (y <= 0.92)
    cabin = (abs(along + slope * 0.15) < half * 0.92 - slope * (0.35 + (y - 0.92))) & (y > 0.9) & (y < 1.46)
    wheels = (
        disc(abs(along), y, half * 0.62, 0.31, 0.32)
        if slope > 0.5
        else (abs(abs(along) - half * 0.8) < 0.12) & (y < 0.4)
    )
    return body | cabin | (wheels & (y > 0))


def car(view: View, thing: Thing) -> list[Layer]:
    """Draw a car that drives away from or towards the camera: its end, and the side that faces the middle."""
    x, y = view.at(thing.z)
    layers: list[Layer] = [(CAR, car_profile(x - thing.x, y, 1.8, 0.25), thing.z)]
    inner = thing.x - math.copysign(0.88, thing.x)
    if inner * thing.x > 0:
        z = view.depth_of_wall(inner)
        far = np.where(np.isfinite(z), z, 0.0)
        layers.append((CAR, np.isfinite(z) & car_profile(far - thing.z - 2.1, view.at(far)[1], 4.2, 0.7), z))
    return layers


def crossing_car(view: View, thing: Thing) -> list[Layer]:
    """Draw a car seen from its side."""
    x, y = view.at(thing.z)
    return [(CAR, car_profile(x - thing.x, y, 4.3, 0.7), thing.z)]


def body(x: Floats, y: Floats, stride: float, tall: float = 1.75) -> Bools:
    """Return a walking figure of height `tall`."""
    y = y * 1.75 / tall
    x = x * 1.75 / tall
    head = disc(x, y, 0.0, 1.6, 0.12, 0.16)
    torso = (abs(x) < 0.13 + 0.1 * np.minimum(1, (1.5 - y) / 0.25)) & (y > 0.75) & (y < 1.5)
    legs = (abs(abs(x) - stride * (0.85 - y)) < 0.1) & (y > 0) & (y < 0.8)
    return head | torso | legs


def person(view: View, thing: Thing) -> list[Layer]:
    """Draw a pedestrian; `size` is the height."""
    x, y = view.at(thing.z)
    return [(PERSON, body(x - thing.x, y, 0.12 + 0.1 * (thing.z % 2), thing.size), thing.z)]


def rider(view: View, thing: Thing) -> list[Layer]:
    """Draw a bicycle seen from its side, `size` 1 facing right and -1 left, and whoever rides it."""
    x, y = view.at(thing.z)
    x = (x - thing.x) * thing.size
    wheels = disc(abs(x), y, 0.55, 0.36, 0.38) & ~disc(abs(x), y, 0.55, 0.36, 0.22)
    frame = (abs(y - 0.75) < 0.07) & (abs(x) < 0.42) | (abs(y - 0.36 - 0.8 * abs(x - 0.02)) < 0.09) & (abs(x) < 0.5)
    frame |= (abs(x - 0.44 + 0.2 * (y - 0.7)) < 0.06) & (y > 0.4) & (y < 1.05)
    lean = x - 0.28 * np.clip(y - 0.85, 0, 0.6)
    torso = (abs(lean) < 0.19) & (y > 0.8) & (y < 1.42)
    leg = (abs(x - 0.12 - 0.1 * (0.9 - y)) < 0.1) & (y > 0.3) & (y <= 0.85)
    arm = (abs(y - 1.2 + 0.4 * (x - 0.15)) < 0.07) & (x > 0.1) & (x < 0.5)
    figure = torso | leg | arm | disc(x, y, 0.24, 1.57, 0.13, 0.17)
    return [(BICYCLE, wheels | frame, thing.z), (PERSON, figure, thing.z - 0.1)]


def bicycle(view: View, thing: Thing) -> list[Layer]:
    """Draw a parked bicycle."""
    return rider(view, thing)[:1]


def pole(view: View, thing: Thing) -> list[Layer]:
    """Draw a street lamp; `size` is its height, and its arm reaches over the road."""
    x, y = view.at(thing.z)
    x = (x - thing.x) * -math.copysign(1, thing.x)
    top = thing.size
    shaft = (abs(x) < 0.13) & (y < top)
    arm = (x > 0) & (x < 1.5) & (abs(y - top + 0.08) < 0.1) | disc(x, y, 1.5, top - 0.12, 0.4, 0.17)
    return [(POLE, (shaft | arm) & (y > 0), thing.z)]


def tree(view: View, thing: Thing) -> list[Layer]:
    """Draw a tree of `size` metres: a trunk and a crown of overlapping blobs."""
    x, y = view.at(thing.z)
    x = x - thing.x
    crown = disc(x, y, 0, thing.size * 0.66, thing.size * 0.27, thing.size * 0.32)
    for across, up, radius in np.random.RandomState(int(abs(thing.x) * 97 + thing.z * 31)).random_sample((9, 3)):
        crown |= disc(
            x,
            y,
            (across - 0.5) * thing.size * 0.6,
            thing.size * (0.45 + 0.42 * up),
            thing.size * (0.1 + 0.08 * radius),
        )
    return [(VEGETATION, crown | ((abs(x) < 0.035 * thing.size) & (y > 0) & (y < thing.size * 0.6)), thing.z)]


def hedge(view: View, thing: Thing) -> list[Layer]:
    """Draw a line of shrubs or far trees, `depth` metres wide, with a ragged top about `size` metres high."""
    x, y = view.at(thing.z)
    along = (x - thing.x) / thing.depth + 0.5
    inside = (along > 0) & (along < 1)
    steps = np.random.RandomState(int(thing.z)).random_sample(14)
    position = np.clip(along, 0, 1) * 12
    left = position.astype(np.intp)
    ease = (position - left) ** 2 * (3 - 2 * (position - left))
    top = thing.size * (0.65 + 0.6 * (steps[left] * (1 - ease) + steps[left + 1] * ease))
    return [(VEGETATION, inside & (y > 0) & (y < top), thing.z)]


def wall(view: View, thing: Thing) -> list[Layer]:
    """Draw a house along the street: the front from `z` to `z + depth` and the end that faces the camera."""
    z = view.depth_of_wall(thing.x)
    finite = np.where(np.isfinite(z), z, 0.0)
    y = view.at(finite)[1]
    front = (finite >= thing.z) & (finite <= thing.z + thing.depth) & (y > 0) & (y < thing.size)
    x, y = view.at(thing.z)
    outward = (x - thing.x) * math.copysign(1, thing.x)
    roof = thing.size + 0.75 * np.minimum(outward, 9 - outward)
    return [(BUILDING, front, z), (BUILDING, (outward >= 0) & (outward < 9) & (y > 0) & (y < roof), thing.z)]


def house(view: View, thing: Thing) -> list[Layer]:
    """Draw a house that faces the camera, `depth` metres wide, `size` high to the eaves, with a gable and a chimney."""
    x, y = view.at(thing.z)
    x = x - thing.x
    half = thing.depth / 2
    front = (abs(x) < half) & (y < thing.size) | (y < thing.size + 0.7 * (half * 1.08 - abs(x))) & (y > thing.size)
    chimney = (abs(x - half * 0.5) < 0.5) & (y > thing.size) & (y < thing.size + half * 0.62)
    return [(BUILDING, (front | chimney) & (y > 0), thing.z)]


def block(view: View, thing: Thing) -> list[Layer]:
    """Draw a flat-roofed building that faces the camera, `depth` metres wide."""
    x, y = view.at(thing.z)
    x = x - thing.x
    lift = (abs(x) < thing.depth * 0.15) & (y < thing.size * 1.12)
    return [(BUILDING, ((abs(x) < thing.depth / 2) & (y < thing.size) | lift) & (y > 0), thing.z)]


KINDS: dict[str, Callable[[View, Thing], list[Layer]]] = {
    shape.__name__: shape
    for shape in (car, crossing_car, person, rider, bicycle, pole, tree, hedge, wall, house, block)
}


SCENES = (
    Scene(
        "0001",
        165,
        98,
        0.0,
        (-4.6, 4.4),
        (-8.4, 7.8),
        SIDEWALK,
        """wall -9.5 7 8.5 13; wall -9.5 20 12 16; wall -9.5 36 9 30; wall 9.5 10 7 12; wall 9.5 27 11 20;
        block 6 78 15 46; hedge 0 70 7 40; tree 8.6 24 6.5; tree -8.8 32 7; tree 6.6 30 7 ghost;
        pole -5.9 12 6.2; pole 5.4 17 6.4; pole -5.9 28 6.5 above=4; pole 5.4 36 6.5 above=inf; car -1.4 18;
        car 2.9 11; car -3.4 34; person -6 11 1.78; person -6.8 11.5 1.66; person 5.9 12.5 1.8 above=0.85;
        bicycle 6.9 14 1 0 above=inf""",
        ((290, 140, 60, 12, SIDEWALK, ROAD), (14, 70, 26, 30, BUILDING, VEGETATION)),
    ),
    Scene(
        "0002",
        140,
        104,
        0.0011,
        (-4.2, 6.2),
        (-7, 8.8),
        VEGETATION,
        """hedge 0 120 10 200; house -21 38 5 11; house -38 52 5.5 14; house 22 42 5.5 12;
        house 46 60 6 15 above=5; tree -10 18 7.5; tree 13.5 23 7.5; tree -14 31 9; tree 17 46 9;
        hedge 16 30 1.4 14; pole -5.4 13 6.5; pole 7.6 21 6.5 above=2.5; pole -5.2 33 6.5 above=inf;
        car 3.4 13; car -1.9 24; car -1 44; person 7.4 12 1.7; person -5.8 17 1.75 above=inf""",
        ((30, 148, 56, 13, SIDEWALK, VEGETATION), (260, 122, 34, 12, VEGETATION, SIDEWALK)),
    ),
    Scene(
        "0003",
        170,
        92,
        0.0,
        (-5.6, 5.6),
        (-9, 9),
        SIDEWALK,
        """wall -10.5 14 11 18; wall -10.5 32 8 40; wall 10.5 8 9 11; wall 10.5 19 13 15; wall 10.5 40 8 20;
        hedge 0 90 9 60; tree -8.2 14 6; tree 9.2 36 8; tree -9.5 27 8; pole 6.5 12 6; pole -6.6 19 6.5;
        pole 6.5 26 6.5 above=inf; person -1.9 8.5 1.8; person -0.9 9.2 1.62; person 7.6 16 1.75 above=1;
        rider 2.5 9 -1; car 3 22; car -3.4 16; crossing_car 0.8 40""",
        ((40, 150, 52, 14, SIDEWALK, ROAD), (250, 60, 26, 18, BUILDING, VEGETATION)),
    ),
    Scene(
        "0004",
        150,
        112,
        -0.0009,
        (-4, 4.6),
        (-4, 7.4),
        VEGETATION,
        """hedge 0 150 11 270; house 15 29 4.5 10; house 37 44 5 12; house -30 48 4.5 13; block -66 90 11 30;
        tree 9 19 7; tree -11 24 8; tree -19 30 6.5; tree 24 50 9; tree -6 60 9 0 ghost; pole 5.3 13 7;
        pole 4.9 26 7 above=3.5; pole 4.5 39 7 above=inf; car 2.2 15; car -2.4 28;
        person 6.2 16 1.72 above=0.5; bicycle 6.2 10.5 1""",
        ((300, 148, 44, 16, BICYCLE, SIDEWALK), (226, 142, 34, 10, SIDEWALK, ROAD), (250, 106, 14, 9, BUILDING, CAR)),
    ),
    Scene(
        "0005",
        158,
        96,
        0.0,
        (-4.2, 4.2),
        (-6.6, 6.6),
        SIDEWALK,
        """wall -7 5 6.5 12; wall -7 17 10 13; wall -7 30 7.5 30; wall 7 6 8 10; wall 7 16 6 14;
        wall 7 30 11 25; block 1 62 13 30; tree 1.5 55 6; pole 5 13 5.5; pole -5 18 5.5 above=2;
        pole 5 27 5.5; car -3.2 8.5; car -3.2 14.2; car -3.2 20.5; car 3.3 11; car 3.3 17; car 0.4 31;
        person 5.4 9.5 1.76; person -5.5 15 1.7 above=inf; person 0.9 16 1.2; rider -0.7 11 1;
        bicycle 5.2 11.6 1 0 above=inf""",
        ((20, 140, 40, 16, SIDEWALK, ROAD), (160, 168, 34, 9, ROAD, SIDEWALK), (232, 104, 12, 16, CAR, BUILDING)),
    ),
    Scene(
        "0006",
        175,
        102,
        0.0004,
        (-5.2, 5),
        (-9.5, 8.4),
        VEGETATION,
        """block -30 60 24 26; block -4 85 27 20; block 22 70 20 22; block 48 75 28 18; hedge 0 58 5 110;
        tree -11 18 7; tree 10 20 7.5; tree -12 29 8; tree 11 34 8; pole -6 11 6; pole 5.8 15 6 above=1.5;
        pole -6 24 6 above=inf; rider -2.4 8 1; rider 3.2 15 -1 0 above=0.75; car 2.1 24; car -3 34;
        person -6.6 11.5 1.8; person -7.3 12 1.7; person 6.8 16 1.68 above=inf; bicycle 6.6 12 -1""",
        (
            (60, 150, 40, 10, SIDEWALK, VEGETATION),
            (290, 136, 50, 12, BICYCLE, ROAD),
            (292, 140, 50, 12, SIDEWALK, ROAD),
        ),
    ),
    Scene(
        "night/0007",
        150,
        98,
        0.0,
        (-4.4, 4.9),
        (-7.4, 8.2),
        SIDEWALK,
        """wall -8.4 9 10 14; wall -8.4 23 7 24; wall 9 14 8 16; wall 9 30 12 25; hedge 0 65 8 50;
        tree 7.8 13 5.5; tree -8 40 9; tree -7.6 21 6 0 ghost; pole -5.2 11 6; pole 5.8 20 6.5;
        pole -5.2 22 6.5 above=inf; car -2.6 13; car 2.2 20; person -5.5 9.5 1.8 above=0.9; rider 3 9.5 1;
        person 6.5 14 1.7""",
        ((270, 150, 70, 18, SIDEWALK, ROAD), (98, 66, 20, 12, SKY, BUILDING), (20, 146, 40, 12, SIDEWALK, ROAD)),
        wobble=3.2,
        noise=1.5,
    ),
)


def things_in(text: str) -> list[Thing]:
    """Return the things that a scene's text lists, separated by semicolons."""
    things = []
    for kind, *words in (entry.split() for entry in text.split(";")):
        numbers = [float(word) for word in words if word != "ghost" and not word.startswith("above=")]
        x, z, size, depth = *numbers, *(1.0, 0.0)[len(numbers) - 2 :]
        above = sum(float(word.removeprefix("above=")) for word in words if word.startswith("above="))
        things.append(Thing(kind, x, z, size, depth, above, "ghost" in words))
    return things


def layers_of(scene: Scene, view: View, *, seen: bool) -> Iterable[tuple[int, Layer]]:
    """Return every layer of a scene with the number of its thing: what is there, or what the model sees."""
    for number, thing in enumerate(things_in(scene.things), start=1):
        if seen or not thing.ghost:
            height = view.at(thing.z)[1]
            for label, where, far in KINDS[thing.kind](view, thing):
                yield number, (label, where & (height > thing.above) if seen and thing.above else where, far)


def ground(scene: Scene, view: View) -> Bytes:
    """Return the classes of sky and ground, before anything stands on it."""
    below = view.v > view.horizon + 0.5
    z = np.where(below, CAMERA * FOCAL / np.where(below, view.v - view.horizon, 1.0), 0.0)
    x = (view.u - view.vanishing) * z / FOCAL - scene.curve * z**2
    labels = np.full(view.u.shape, SKY, np.uint8)
    labels[below] = scene.beyond
    labels[below & (x > scene.sidewalk[0]) & (x < scene.sidewalk[1])] = SIDEWALK
    labels[below & (x > scene.road[0]) & (x < scene.road[1])] = ROAD
    return labels


def render(scene: Scene, view: View, *, seen: bool) -> tuple[Bytes, NDArray[np.intp]]:
    """Draw a scene; return class and thing of every pixel (0 is no thing), nearer things hiding farther ones."""
    labels = ground(scene, view)
    things = np.zeros(labels.shape, np.intp)
    nearest = np.full(labels.shape, NEVER)
    for number, (label, where, far) in layers_of(scene, view, seen=seen):
        wins = where & (far < nearest)
        labels[wins], things[wins] = label, number
        nearest = np.where(wins, far, nearest)
    return labels, things


def blurred(image: Floats, sigma: float) -> Floats:
    """Return an image (H, W) smoothed by a Gaussian, its edge repeated."""
    radius = math.ceil(3 * sigma)
    weights = [math.exp(-0.5 * (offset / sigma) ** 2) for offset in range(-radius, radius + 1)]
    for axis in (0, 1):
        padded = np.pad(image, [(radius, radius) if axis == each else (0, 0) for each in (0, 1)], mode="edge")
        smooth = np.zeros(image.shape)
        for start, weight in enumerate(weights):
            smooth += weight / math.fsum(weights) * padded.take(range(start, start + image.shape[axis]), axis)
        image = smooth
    return image


def smooth_noise(random: np.random.RandomState, shape: tuple[int, int], cell: int) -> Floats:
    """Return noise of zero mean, mostly within -1..1, that varies over `cell` pixels."""
    coarse = random.random_sample((shape[0] // cell + 2, shape[1] // cell + 2)) * 2 - 1
    steps = coarse.repeat(cell, axis=0).repeat(cell, axis=1)[: shape[0], : shape[1]]
    return blurred(steps, cell * 0.6) * 1.8


def ego_vehicle(u: Floats, v: Floats) -> Bools:
    """Return the bonnet of the car that carries the camera."""
    return disc(u, v, WIDTH / 2 + 4, HEIGHT + 30, WIDTH * 0.6, 46)


def ground_truth(scene: Scene) -> Bytes:
    """Return the mask of a scene; the bonnet and a thin line around people and vehicles are void."""
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    labels, things = render(scene, View(u, v, scene.vanishing, scene.horizon), seen=False)
    moving = np.where(np.isin(labels, (PERSON, CAR, BICYCLE)), things, 0)
    around = np.pad(moving, 1)
    touched = np.zeros(labels.shape, bool)
    for rows, columns in ((0, 1), (2, 1), (1, 0), (1, 2)):
        neighbour = around[rows : rows + HEIGHT, columns : columns + WIDTH]
        touched |= (neighbour > 0) & (neighbour != moving)
    labels[(touched & (moving == 0)) | ego_vehicle(u, v)] = VOID
    return labels


def probabilities(scene: Scene, seed: int) -> Bytes:
    """Return the model's 8-bit softmax (K, H, W): a scene seen unsharply, with wavy outlines and doubts."""
    random = np.random.RandomState(seed)
    v, u = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float64)
    shape = u.shape
    wave_u, wave_v = (scene.wobble * smooth_noise(random, shape, 14) for _ in range(2))
    labels, _ = render(scene, View(u + wave_u, v + wave_v, scene.vanishing, scene.horizon), seen=True)
    labels[ego_vehicle(u + wave_u, v + wave_v)] = CAR
    for column, row, half_width, half_height, true, mistaken in scene.confused:
        patch = disc(u + 3 * wave_u, v + 2 * wave_v, column, row, half_width, half_height)
        labels[patch & (labels == true)] = mistaken
    evidence = np.stack([blurred((labels == label).astype(np.float64), 1.7) for label in range(len(CLASSES))])
    doubt = evidence.copy()
    for true, like, share in LOOKS_LIKE:
        doubt[like] += share * scene.noise * evidence[true]
    noise = np.stack([smooth_noise(random, shape, 22) for _ in CLASSES])
    logits = 1.6 * np.log(doubt + 0.004) + scene.noise * noise
    odds = np.exp(logits - logits.max(axis=0))
    levels: Bytes = np.rint(255 * odds / odds.sum(axis=0)).astype(np.uint8)
    return levels


def distance_to(path: Floats, u: Floats, v: Floats) -> Floats:
    """Return how far every pixel is from a line through the points `path` (N, 2)."""
    nearest = np.full(u.shape, NEVER)
    for (x0, y0), (x1, y1) in itertools.pairwise(path):
        dx, dy = x1 - x0, y1 - y0
        along = np.clip(((u - x0) * dx + (v - y0) * dy) / (dx * dx + dy * dy), 0, 1)
        nearest = np.minimum(nearest, np.hypot(u - x0 - along * dx, v - y0 - along * dy))
    return nearest


@dataclass(frozen=True)
class Pavement:
    """Describe one picture of a road surface: its cracks as points (column, row), and where the model goes wrong."""

    key: str
    cracks: tuple[tuple[tuple[float, float], ...], ...]
    seams: tuple[tuple[tuple[float, float], ...], ...] = ()  # the model takes these for cracks
    overlooked: tuple[float, float, float] = (-99.0, 0.0, 1.0)  # column, row, radius of what it does not see


PAVEMENTS = (
    Pavement("0001", (((20, -4), (58, 50), (76, 84), (112, 132)),), overlooked=(70, 74, 12)),
    Pavement(
        "0002",
        (
            ((-4, 96), (50, 76), (108, 70), (196, 30)),
            ((50, 76), (74, 40), (80, -4)),
            ((108, 70), (140, 100), (150, 132)),
        ),
        seams=(((100, 20), (168, 8)),),
        overlooked=(142, 104, 16),
    ),
    Pavement(
        "0003",
        (
            ((40, -4), (46, 40), (36, 90), (44, 132)),
            ((46, 40), (96, 52), (150, 44), (196, 60)),
            ((36, 90), (90, 98), (148, 88), (196, 104)),
            ((96, 52), (90, 98), (98, 132)),
            ((150, 44), (148, 88), (156, 132)),
        ),
        overlooked=(122, 94, 18),
    ),
    Pavement("0004", (), seams=(((-4, 40), (120, 52)),)),
)


def jagged(points: Iterable[tuple[float, float]], random: np.random.RandomState) -> Floats:
    """Return a line through `points` with four random kinks on each stretch."""
    corners = np.array(list(points), dtype=np.float64)
    path = np.concatenate([a + (b - a) * np.linspace(0, 1, 5)[:-1, None] for a, b in itertools.pairwise(corners)])
    path[1:] += (random.random_sample(path[1:].shape) - 0.5) * 9
    return np.concatenate([path, corners[-1:]])


def cracks(pavement: Pavement, seed: int) -> tuple[Bytes, Bytes]:
    """Return ground truth (0 or 255) and an overconfident model's 8-bit P(crack) of one picture, each (128, 192)."""
    random = np.random.RandomState(seed)
    v, u = np.mgrid[0:128, 0:192].astype(np.float64)
    stray_u, stray_v = (0.8 * smooth_noise(random, u.shape, 12) for _ in range(2))
    width = 1.7 + 0.6 * smooth_noise(random, u.shape, 16)
    truth, logits = np.zeros(u.shape, bool), np.full(u.shape, -NEVER)
    for points in pavement.cracks:
        path = jagged(points, random)
        truth |= distance_to(path, u, v) < width
        logits = np.maximum(logits, 3.2 * (width + 0.7 - distance_to(path, u + stray_u, v + stray_v)))
    logits -= 14 * np.exp(
        -((((u - pavement.overlooked[0]) ** 2 + (v - pavement.overlooked[1]) ** 2) / pavement.overlooked[2] ** 2) ** 2)
    )
    for points in pavement.seams:
        path = jagged(points, random)
        logits = np.maximum(logits, 3.2 * (2.2 + 1.5 * smooth_noise(random, u.shape, 16) - distance_to(path, u, v)))
    logits = np.maximum(logits + 1.2 * smooth_noise(random, u.shape, 10), -9 + 5 * smooth_noise(random, u.shape, 24))
    return truth.astype(np.uint8) * 255, np.rint(255 / (1 + np.exp(-logits))).astype(np.uint8)


def palette() -> bytes:
    """Return the colours of the 256 indices as RGB bytes; void, and what is no class, is black."""
    return bytes(channel for color in CLASSES.values() for channel in color).ljust(768, b"\0")


def save(values: Bytes, path: Path, *, colors: bytes | None = None) -> None:
    """Write an 8-bit PNG: palette indices where `colors` are given, else gray."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.fromarray(values)
    if colors is not None:
        image.putpalette(colors)
    image.save(path, optimize=True)


def make(out: Path) -> None:
    """Write every file of the sample but its README into `out`, which is made if need be."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "classes.txt").write_text("".join(f"{name}\n" for name in CLASSES), encoding="utf-8", newline="\n")
    for seed, scene in enumerate(SCENES, start=1000):
        gt, probs = ground_truth(scene), probabilities(scene, seed)
        save(gt, out / "gt" / f"{scene.key}.png", colors=palette())
        save(probs.argmax(axis=0).astype(np.uint8), out / "pred" / f"{scene.key}.png", colors=palette())
        if scene.key in MULTICLASS:
            save(gt, out / "multiclass" / "gt" / f"{scene.key}.png", colors=palette())
            for name, level in zip(CLASSES, probs, strict=True):
                save(level, out / "multiclass" / "probs" / name / f"{scene.key}.png")
    for seed, pavement in enumerate(PAVEMENTS, start=2000):
        truth, level = cracks(pavement, seed)
        save(truth, out / "binary" / "gt" / f"{pavement.key}.png")
        save(level, out / "binary" / "probs" / f"{pavement.key}.png")


if __name__ == "__main__":
    make(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parents[2] / "sample_masks")
