import axios from "axios";
import type { Request, Response } from "express";

export async function preview(req: Request, res: Response) {
  const url = req.query.url as string;
  // ruleid: javascript.ssrf.host-from-request
  const page = await fetch(url);
  res.type("txt").send(await page.text());
}

export async function logo(req: Request, res: Response) {
  // ruleid: javascript.ssrf.host-from-request
  const image = await axios.get(`https://${req.params.host}/logo.png`);
  res.type("png").send(image.data);
}

export async function weather(req: Request, res: Response) {
  // ok: javascript.ssrf.host-from-request
  const answer = await axios.get(`https://weather.example/v1/${req.params.city}`);
  res.json(answer.data);
}

export async function search(req: Request, res: Response) {
  // ok: javascript.ssrf.host-from-request
  const answer = await axios.get("https://search.example", { params: { q: req.query.q } });
  res.json(answer.data);
}
