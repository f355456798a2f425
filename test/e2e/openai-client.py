"""What a user of Python's OpenAI SDK does with a gateway: one scenario, its findings printed as JSON."""

import json
import sys

import openai

base_url, api_key, model, scenario = sys.argv[1:5]
client = openai.OpenAI(base_url=base_url, api_key=api_key, max_retries=0)
LONG = "All that is known about the code base. " * 300
WEATHER = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "Tells the weather",
        "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    },
}


def chat():
    """The second question reads what the first one wrote."""
    system = {"role": "system", "content": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]}
    answers = [
        client.chat.completions.create(
            model=model, max_tokens=100, messages=[system, {"role": "user", "content": question}]
        )
        for question in ("What is it?", "And now?")
    ]
    return [
        {
            "content": answer.choices[0].message.content,
            "finish": answer.choices[0].finish_reason,
            "prompt": answer.usage.prompt_tokens,
            "cached": answer.usage.prompt_tokens_details.cached_tokens,
            "completion": answer.usage.completion_tokens,
        }
        for answer in answers
    ]


def stream():
    """Text in pieces, usage in the last chunk."""
    chunks = list(
        client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "Tell me."}],
            stream=True,
            stream_options={"include_usage": True},
        )
    )
    pieces = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    return {
        "content": "".join(pieces),
        "pieces": len([piece for piece in pieces if piece]),
        "finish": [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices][-1],
        "prompt": chunks[-1].usage.prompt_tokens,
        "completion": chunks[-1].usage.completion_tokens,
    }


def tools():
    """Two calls at once, by the SDK's own accumulating stream, then their results."""
    messages = [{"role": "user", "content": "@@parallel2:weather@@ The weather in two cities?"}]
    with client.chat.completions.stream(model=model, messages=messages, tools=[WEATHER]) as events:
        answer = events.get_final_completion()
    message = answer.choices[0].message
    calls = [{"name": call.function.name, "args": json.loads(call.function.arguments)} for call in message.tool_calls]
    messages.append(
        {"role": "assistant", "content": message.content, "tool_calls": [call.to_dict() for call in message.tool_calls]}
    )
    for call in message.tool_calls:
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "12 degrees"})
    last = client.chat.completions.create(model=model, messages=messages, tools=[WEATHER])
    return {
        "calls": calls,
        "finish": answer.choices[0].finish_reason,
        "last": last.choices[0].message.content,
        "last_finish": last.choices[0].finish_reason,
    }


def errors():
    """Names of the SDK's own exceptions."""

    def raised(ask):
        try:
            ask()
        except openai.APIStatusError as error:
            return {"type": type(error).__name__, "status": error.status_code, "code": error.code}
        return None

    def ask(**about):
        about = {"model": model, "messages": [{"role": "user", "content": "x"}], **about}
        return lambda: client.chat.completions.create(**about)

    stranger = openai.OpenAI(base_url=base_url, api_key="sk-wrong", max_retries=0)
    return {
        "unknown_model": raised(ask(model="nope")),
        "bad": raised(ask(messages="x")),
        "stranger": raised(
            lambda: stranger.chat.completions.create(model=model, messages=[{"role": "user", "content": "x"}])
        ),
    }


print(json.dumps({"chat": chat, "stream": stream, "tools": tools, "errors": errors}[scenario]()))
