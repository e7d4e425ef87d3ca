"""The client for asyncio. The one for threads, `gilfoyle.client.synchronous`, is made of it by `make client`."""
