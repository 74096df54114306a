"""The HTTP server under a real client: nothing is lost, nothing is wrong, limits hold."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from threading import Thread
from types import TracebackType
from typing import Any, Self

import numpy as np
import pytest
from PIL import Image

import gsmooth as gs
from gsmooth.data.preparation import Preparation
from gsmooth.errors import ConfigurationError
from gsmooth.serving.answer import as_answer
from gsmooth.serving.service import Service
from gsmooth.serving.settings import SERVING, HttpSettings
from tests.serving.objects import OPEN, Fragile, Gate, predictor, secret
from tests.serving.pictures import bad, bomb, greys, png, saved

httpx = pytest.importorskip("httpx")
pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

SMALL = replace(SERVING.http.image, max_bytes=20_000, max_pixels=2_500)
LIMITS = replace(SERVING.http, image=SMALL)
SHORT = replace(LIMITS, connection=replace(LIMITS.connection, body_s=0.2))


class Running:
    """A server on a free port of this machine, in a thread."""

    def __init__(self, service: Service, limits: HttpSettings = LIMITS) -> None:
        from gsmooth.serving.server import http_server, listening

        self.service, self.listener = service, listening("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self.listener.getsockname()[1]}"
        self.server = http_server(service, limits)
        self.thread = Thread(target=self.server.run, kwargs={"sockets": [self.listener]})

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self.thread.join()
        self.listener.close()

    def stop(self) -> None:
        self.server.should_exit = True

    def client(self) -> Any:
        return httpx.Client(base_url=self.url, timeout=60, trust_env=False)


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with Running(Service(predictor(), Preparation(), ("dark", "bright"))) as found:
        yield found


@pytest.fixture
def closed_gate() -> Iterator[None]:
    OPEN.clear()
    yield
    OPEN.set()


def test_a_thousand_requests_32_at_once_are_all_answered_as_predict_answers_one_by_one() -> None:
    pictures, wrong = greys(40), list(bad().values())
    g = secret()
    alone = [gs.predict(g, image, n=200, adaptive=True)[0] for image in pictures]
    service = Service(predictor(max_waiting=64), Preparation())
    expected = [service.document(as_answer(found)) for found in alone]
    bodies = [png(image) for image in pictures]
    plan = [(k % 40, None) if k % 5 else (0, k // 5 % len(wrong)) for k in range(1000)]

    async def asked(url: str) -> list[tuple[int, Any]]:
        gate = asyncio.Semaphore(32)

        async def one(client: Any, good: int, fault: int | None) -> tuple[int, Any]:
            async with gate:
                body = bodies[good] if fault is None else wrong[fault][0]
                response = await client.post("/predict", content=body)
                return response.status_code, response.json()

        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            return await asyncio.gather(*(one(client, *which) for which in plan))

    with Running(service) as running:
        found = asyncio.run(asked(running.url))
        load = service.predictor.load
    assert len(found) == 1000
    for (good, fault), (status, document) in zip(plan, found, strict=True):
        if fault is None:
            assert (status, document) == (200, expected[good])
        else:
            assert status == wrong[fault][1], document
            assert document["error"]["message"]
    assert load.waiting == 0
    assert Counter(status for status, _ in found)[200] == 800


@pytest.mark.parametrize("name", sorted(bad()))
def test_what_is_no_image_for_this_network_is_refused_with_a_reason(
    running: Running, name: str
) -> None:
    body, status = bad()[name]
    with running.client() as client:
        response = client.post("/predict", content=body)
    assert response.status_code == status, response.text
    assert set(response.json()["error"]) == {"kind", "message"}


def test_a_bomb_is_refused_before_it_is_decoded(running: Running) -> None:
    with running.client() as client:
        said = client.post("/predict", content=bomb(3_000)).json()["error"]
    assert said["kind"] == "TooLargeError"
    assert "3000 x 3000" in said["message"]


def test_an_image_comes_raw_or_in_a_form(running: Running) -> None:
    body = png(greys(3)[2])
    with running.client() as client:
        raw = client.post("/predict", content=body, headers={"content-type": "image/png"})
        form = client.post("/predict", files={"image": ("a.png", body, "image/png")})
        two = client.post("/predict", files=[("a", ("a.png", body)), ("b", ("b.png", body))])
        json = client.post("/predict", json={"image": "..."})
        none = client.post("/predict", data={"image": "text"})
        broken = client.post(
            "/predict", content=body, headers={"content-type": "multipart/form-data"}
        )
    assert raw.status_code == form.status_code == 200
    assert raw.json() == form.json()
    assert raw.json()["name"] == "bright"
    statuses = [response.status_code for response in (two, json, none, broken)]
    assert statuses == [422, 415, 415, 422]


def test_images_are_prepared_as_those_of_a_folder_are(tmp_path: Any, running: Running) -> None:
    ramp = np.arange(16, dtype=np.uint8).reshape(4, 4) * 12 + 30
    upright = Image.fromarray(ramp)
    turned = upright.transpose(Image.Transpose.ROTATE_90)
    exif = turned.getexif()
    exif[0x0112] = 6  # Shown after a turn by 270 degrees, which undoes the other.
    palette = upright.convert("P").convert("L")
    with running.client() as client:
        answers = [
            client.post("/predict", content=body).json()
            for body in (
                png(ramp),
                saved(turned, "PNG", exif=exif.tobytes()),
                saved(palette, "PNG"),
                saved(upright.convert("LA"), "PNG"),
                saved(upright, "BMP"),
            )
        ]
    assert "label" in answers[0]
    assert answers[1:] == [answers[0]] * 4


def test_a_large_image_is_brought_to_size_where_that_is_asked_for() -> None:
    service = Service(predictor(), Preparation(resize=4))
    with Running(service) as running, running.client() as client:
        found = client.post("/predict", content=png(np.full((40, 40), 250, np.uint8)))
        assert found.json()["label"] == 1
        assert "resized" in client.get("/").json()["preparation"]


def test_the_server_says_what_it_serves_and_how_it_is(running: Running) -> None:
    with running.client() as client:
        about = client.get("/").json()
        assert (about["alpha"], about["image_shape"]) == (0.001, [1, 4, 4])
        assert "It is no certificate" in about["meaning"]
        assert client.get("/health").json() == {"alive": True}
        assert client.get("/ready").json()["ready"] is True
        assert client.get("/elsewhere").status_code == 404
        assert client.get("/predict").status_code == 405
        assert client.get("/docs").status_code == 404


def test_a_network_that_fails_at_an_image_is_a_fault_of_the_server_and_no_detail_leaves() -> None:
    with (
        Running(Service(predictor(Fragile()), Preparation())) as running,
        running.client() as client,
    ):
        broken = client.post("/predict", content=png(np.full((4, 4), 255, np.uint8)))
        assert broken.status_code == 500
        assert "Fragile" not in broken.text
        assert client.post("/predict", content=png(greys(9)[0])).json()["label"] == 0


@pytest.mark.usefixtures("closed_gate")
def test_a_full_queue_is_503_with_a_time_to_come_again_and_those_inside_are_answered() -> None:
    OPEN.set()
    service = Service(predictor(Gate(), max_waiting=2), Preparation())
    OPEN.clear()
    bodies = [png(image) for image in greys(9)[:3]]

    async def asked(url: str) -> tuple[list[Any], Any]:
        async with httpx.AsyncClient(base_url=url, timeout=60, trust_env=False) as client:
            inside = [asyncio.create_task(client.post("/predict", content=b)) for b in bodies[:2]]
            while (await client.get("/ready")).json()["waiting"] < 2:
                await asyncio.sleep(0)
            refused = await client.post("/predict", content=bodies[2])
            OPEN.set()
            return await asyncio.gather(*inside), refused

    with Running(service) as running:
        answered, refused = asyncio.run(asked(running.url))
    assert [response.status_code for response in answered] == [200, 200]
    assert refused.status_code == 503
    assert int(refused.headers["retry-after"]) >= 1


@pytest.mark.usefixtures("closed_gate")
def test_an_answer_that_takes_too_long_is_504_and_leaves_no_work_behind() -> None:
    OPEN.set()
    service = Service(predictor(Gate()), Preparation())
    OPEN.clear()
    with Running(service, replace(LIMITS, answer_s=0.2)) as running:
        with running.client() as client:
            late = client.post("/predict", content=png(greys(9)[4]))
        OPEN.set()
    assert late.status_code == 504
    assert "retry-after" in late.headers
    assert service.predictor.load.waiting == 0


def test_a_body_that_does_not_arrive_is_408() -> None:
    service = Service(predictor(), Preparation())
    with (
        Running(service, SHORT) as running,
        socket.create_connection(running.listener.getsockname()[:2], timeout=60) as line,
    ):
        line.sendall(b"POST /predict HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nabc")
        assert line.recv(1000).startswith(b"HTTP/1.1 408")


@pytest.mark.usefixtures("closed_gate")
def test_a_server_that_is_stopped_answers_what_is_in_flight() -> None:
    OPEN.set()
    service = Service(predictor(Gate()), Preparation())
    OPEN.clear()
    body = png(greys(9)[8])

    async def asked(running: Running) -> Any:
        async with httpx.AsyncClient(base_url=running.url, timeout=60, trust_env=False) as client:
            inside = asyncio.create_task(client.post("/predict", content=body))
            while (await client.get("/ready")).json()["waiting"] < 1:
                await asyncio.sleep(0)
            running.stop()
            OPEN.set()
            return await inside

    with Running(service) as running:
        response = asyncio.run(asked(running))
    assert response.json()["label"] == 1
    assert not service.predictor.alive


def test_an_address_that_is_taken_is_named() -> None:
    from gsmooth.serving.server import listening

    with listening("127.0.0.1", 0) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(ConfigurationError, match=f"port {port}"):
            listening("127.0.0.1", port)
